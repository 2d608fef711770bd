package reference

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"text/template"
)

// mount is where the page has the engine.
const mount = "itwin"

//go:embed configuration.md.tmpl
var pageTemplate string

// Page is docs/configuration.md.
func Page(ctx context.Context) ([]byte, error) {
	p, err := open(ctx)
	if err != nil {
		return nil, err
	}
	page, err := template.New("page").Funcs(template.FuncMap{
		"markdown": newMarker().markdown,
	}).Parse(pageTemplate)
	if err != nil {
		return nil, fmt.Errorf("reading the page's template: %w", err)
	}
	var text bytes.Buffer
	if err := page.Execute(&text, p.sections()); err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	return text.Bytes(), nil
}

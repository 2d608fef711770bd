package reference

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
)

// openAPI is what of Vault's document is the engine's: the rest differs with Vault's version.
type openAPI struct {
	OpenAPI    string                            `json:"openapi"`
	Info       map[string]any                    `json:"info"`
	Paths      map[string]*framework.OASPathItem `json:"paths"`
	Components struct {
		Schemas map[string]*framework.OASSchema `json:"schemas"`
	} `json:"components"`
}

// OpenAPI is the engine's part of what Vault shows in sys/internal/specs/openapi, as indented JSON.
func OpenAPI(ctx context.Context, mount string) ([]byte, error) {
	p, err := open(ctx)
	if err != nil {
		return nil, err
	}
	document, err := received(p.document)
	if err != nil {
		return nil, err
	}
	part := openAPI{
		OpenAPI: document.Version,
		Info:    map[string]any{"title": mount, "version": "v0"},
		Paths:   make(map[string]*framework.OASPathItem),
	}
	part.Components.Schemas = document.Components.Schemas
	for path, item := range document.Paths {
		part.Paths["/"+mount+path] = item
	}
	text, err := json.MarshalIndent(part, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the OpenAPI document: %w", err)
	}
	return append(text, '\n'), nil
}

// received is the document as Vault has it from a plugin: on the way, references to schemas are lost.
func received(sent *framework.OASDocument) (*framework.OASDocument, error) {
	text, err := json.Marshal(sent)
	if err != nil {
		return nil, fmt.Errorf("encoding the OpenAPI document: %w", err)
	}
	var plain map[string]any
	if err := json.Unmarshal(text, &plain); err != nil {
		return nil, fmt.Errorf("decoding the OpenAPI document: %w", err)
	}
	document, err := framework.NewOASDocumentFromMap(plain)
	if err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	return document, nil
}

// Package reference writes down what the plugin tells Vault of its paths: the page docs/configuration.md, and the OpenAPI
// document that Vault shows. It asks a backend in its own process and needs no Vault.
package reference

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	itwin "vault-plugin-secrets-itwin"
)

// plugin is a backend and its own account of its paths.
type plugin struct {
	router
	document *framework.OASDocument
}

// router shows the schema behind a path. An OpenAPI document names all paths, but leaves out which fields of an answer
// are always there, and the summary of a create where there is an update as well.
type router interface {
	Route(path string) *framework.Path
}

func open(ctx context.Context) (*plugin, error) {
	backend, err := itwin.Factory(ctx, &logical.BackendConfig{})
	if err != nil {
		return nil, fmt.Errorf("making a backend: %w", err)
	}
	schema, ok := backend.(router)
	if !ok {
		return nil, errors.New("the backend doesn't show its schema: let it embed a *framework.Backend")
	}
	help, err := backend.HandleRequest(ctx, &logical.Request{Operation: logical.HelpOperation})
	if err != nil {
		return nil, fmt.Errorf("asking the backend for help: %w", err)
	}
	document, ok := help.Data["openapi"].(*framework.OASDocument)
	if !ok {
		return nil, errors.New("the backend's help has no OpenAPI document")
	}
	return &plugin{router: schema, document: document}, nil
}

package itwin

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// listPath lists the names below a storage prefix, which is the path's as well.
func (b *backend) listPath(prefix, plural, synopsis, description string) *framework.Path {
	answers := "Names of the " + plural + "."
	return &framework.Path{
		Pattern:         prefix + "?$",
		HelpSynopsis:    synopsis,
		HelpDescription: strings.TrimSpace(description),
		DisplayAttrs:    &framework.DisplayAttributes{OperationPrefix: operationPrefix},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ListOperation: &framework.PathOperation{
				Callback: func(ctx context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
					names, err := req.Storage.List(ctx, prefix)
					if err != nil {
						return answer(fmt.Errorf("listing %s: %w", prefix, err))
					}
					return logical.ListResponse(names), nil
				},
				Summary:      synopsis,
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "list", OperationSuffix: plural},
				Responses: map[int][]framework.Response{http.StatusOK: {{
					Description: answers,
					Fields: map[string]*framework.FieldSchema{
						"keys": {Type: framework.TypeStringSlice, Required: true, Description: answers},
					},
				}}},
			},
		},
	}
}

// writeOperation changes what is stored: that is the leader's to do, and the
// answer holds nothing.
func writeOperation(callback framework.OperationFunc, summary, verb, suffix, done string) *framework.PathOperation {
	return &framework.PathOperation{
		Callback:                    callback,
		Summary:                     summary,
		DisplayAttrs:                &framework.DisplayAttributes{OperationVerb: verb, OperationSuffix: suffix},
		Responses:                   map[int][]framework.Response{http.StatusNoContent: {{Description: done}}},
		ForwardPerformanceStandby:   true,
		ForwardPerformanceSecondary: true,
	}
}

package itwin

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

const (
	checkPath  = "check"
	keyITwinID = "itwin_id"
)

// The keys of a check's answer.
const (
	keyOK            = "ok"
	keyStages        = "stages"
	keyFailedStage   = "failed_stage"
	keyError         = "error"
	keyHint          = "hint"
	keyCorrelationID = "correlation_id"
	keyAppEmail      = "app_email"
	keyDisplayName   = "display_name"
	keyOrganization  = "organization"
	keyPermissions   = "permissions"

	// Of each stage.
	keyStage = "stage"
	keyTook  = "took"
)

const checkSynopsis = `Prove the whole chain, and name the stage that fails.`

const checkDescription = `
Goes the way of a reader's token, from the config to the iTwin Platform: DNS, connect, TLS,
the exchange with IMS, the token in its answer, and users/me of the Platform. With
itwin_id it also asks for the app's permissions in that iTwin.

    $ vault read itwin/check
    $ vault read -format=yaml itwin/check
    $ vault read itwin/check/viewer itwin_id=6f0a8a3e-2b1c-4c1d-9a51-1d3c5f0e7b11

ok tells whether all of it works. If not: failed_stage, error, what to do about it (hint)
and the correlation_id that Bentley's support asks for. app_email is the address to
invite to iTwins: a service app has no access to any by itself. stages tells of each one
whether it passed and how long it took, best read as YAML.

A check mints a token of its own and returns none, so a policy may allow it to those who
must not read tokens.`

func (b *backend) pathsCheck() []*framework.Path {
	return []*framework.Path{
		b.pathCheck(checkPath+"$", nil, "app"),
		b.pathCheck(checkPath+"/"+nameRegex(keyRole), roleNameField(), "role"),
	}
}

func (b *backend) pathCheck(pattern string, fields map[string]*framework.FieldSchema, suffix string) *framework.Path {
	fields = maps.Clone(fields)
	if fields == nil {
		fields = make(map[string]*framework.FieldSchema)
	}
	fields[keyITwinID] = &framework.FieldSchema{
		Type: framework.TypeString, Query: true,
		Description: "Id of an iTwin: the app's permissions there are asked for as well.",
	}
	return &framework.Path{
		Pattern:         pattern,
		Fields:          fields,
		HelpSynopsis:    checkSynopsis,
		HelpDescription: strings.TrimSpace(checkDescription),
		DisplayAttrs:    &framework.DisplayAttributes{OperationPrefix: operationPrefix},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ReadOperation: &framework.PathOperation{
				Callback:     b.readCheck,
				Summary:      checkSynopsis,
				DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "check", OperationSuffix: suffix},
				Responses:    checkResponses(),
			},
		},
	}
}

func checkResponses() map[int][]framework.Response {
	text := func(description string) *framework.FieldSchema {
		return &framework.FieldSchema{Type: framework.TypeString, Description: description}
	}
	return map[int][]framework.Response{http.StatusOK: {{
		Description: "How far the chain goes.",
		Fields: map[string]*framework.FieldSchema{
			keyOK:            {Type: framework.TypeBool, Required: true, Description: "Whether all stages passed."},
			keyStages:        {Type: framework.TypeSlice, Required: true, Description: "The stages in order: each one's stage, ok and took."},
			keyFailedStage:   text("The stage that failed."),
			keyError:         text("Why it failed."),
			keyHint:          text("What to do about it."),
			keyCorrelationID: text("What Bentley's support asks for."),
			keyClientID:      text("Client id of the service app."),
			keyScope:         text("The scopes that were asked for."),
			keyTokenID:       text("SHA-256 of the token that the check used, in hex."),
			keyAppEmail:      text("The app's e-mail address, to invite to iTwins."),
			keyDisplayName:   text("The app's name on the Platform."),
			keyOrganization:  text("The app's organization on the Platform."),
			keyITwinID:       text("The iTwin that was asked about."),
			keyPermissions: {
				Type: framework.TypeCommaStringSlice, Description: "What the app may do in that iTwin.",
			},
		},
	}}}
}

func (b *backend) readCheck(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	begun := b.now()
	iTwinID := strings.TrimSpace(d.Get(keyITwinID).(string)) //nolint:forcetypeassert // its schema is a string
	if iTwinID != "" && !regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`).MatchString(iTwinID) {
		return answer(errField(keyITwinID, "must be the id of an iTwin, such as 6f0a8a3e-2b1c-4c1d-9a51-1d3c5f0e7b11"))
	}
	a, r, err := b.resolve(ctx, req, roleOf(req.Path))
	switch {
	case isUnusable(err), errors.Is(err, errDamagedRole):
		return &logical.Response{Data: brokenConfig(err)}, nil
	case err != nil:
		return answer(err)
	}
	chain, err := b.newChain(ctx, a.config, a.tokenScope(r))
	if err != nil {
		return answer(err)
	}
	defer chain.close()
	done, err := a.pool.Slot(ctx)
	if err != nil {
		return answer(err)
	}
	chain.run(ctx, begun, iTwinID, done)
	return &logical.Response{Data: chain.report()}, nil
}

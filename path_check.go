package itwin

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

const (
	checkPath  = "check"
	keyITwinID = "itwin_id"
)

// The keys of a check's response.
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

	// For each stage:
	keyStage = "stage"
	keyTook  = "took"
)

var iTwinIDPattern = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

const checkSynopsis = `Check everything from the config to the iTwin Platform.`

const checkDescription = `
Runs every step that a token depends on, and names the stage that fails: the config, DNS,
connect, TLS, the exchange with IMS, the token in its response, and users/me of the iTwin
Platform. With itwin_id it also asks for the app's permissions in that iTwin.

    $ vault read itwin/check
    $ vault read -format=yaml itwin/check
    $ vault read itwin/check/viewer itwin_id=6f0a8a3e-2b1c-4c1d-9a51-1d3c5f0e7b11

ok is true if every stage passed. If not, read failed_stage, error, hint (what to do about
it) and correlation_id (which Bentley's support will ask for). app_email is the address to
invite to iTwins: a service app has no access to an iTwin until it is invited. stages
shows for each stage whether it passed and how long it took; read it as YAML.

A check mints its own token and doesn't return it, so a policy can allow checks to people
who must not read tokens. Two checks per app can run at a time; others get status 429. If
IMS has sent a Retry-After, a check reports how long it lasts and doesn't contact IMS.`

func (b *backend) pathsCheck() []*framework.Path {
	return []*framework.Path{
		b.pathCheck(checkPath+"$", schemas{}, "app"),
		b.pathCheck(checkPath+"/"+nameRegex(keyRole), roleNameField(), "role"),
	}
}

func (b *backend) pathCheck(pattern string, fields schemas, suffix string) *framework.Path {
	fields[keyITwinID] = &framework.FieldSchema{
		Type: framework.TypeString, Query: true,
		Description: "Id of an iTwin, to check the app's permissions in it as well.",
	}
	return withHelp(&framework.Path{
		Pattern: pattern,
		Fields:  fields,
		Operations: operations{
			logical.ReadOperation: readOperation(b.readCheck, checkSynopsis, "check", suffix, "The result of the check.", checkReportFields()),
		},
	}, checkSynopsis, checkDescription)
}

func checkReportFields() schemas {
	text := func(description string) *framework.FieldSchema {
		return &framework.FieldSchema{Type: framework.TypeString, Description: description}
	}
	return schemas{
		keyOK:            {Type: framework.TypeBool, Required: true, Description: "Whether all stages passed."},
		keyStages:        {Type: framework.TypeSlice, Required: true, Description: "The stages in order, each with stage, ok and took."},
		keyFailedStage:   text("The stage that failed."),
		keyError:         text("Why it failed."),
		keyHint:          text("What to do about it."),
		keyCorrelationID: text("Id of the request, for Bentley's support."),
		keyClientID:      text("Client id of the service app."),
		keyScope:         text("The scopes that were requested."),
		keyTokenID:       text("Hex SHA-256 of the token that the check used."),
		keyAppEmail:      text("E-mail address of the app, to invite to iTwins."),
		keyDisplayName:   text("Name of the app on the Platform."),
		keyOrganization:  text("Organization of the app on the Platform."),
		keyITwinID:       text("Id of the iTwin whose permissions were checked."),
		keyPermissions: {
			Type: framework.TypeCommaStringSlice, Description: "Permissions of the app in that iTwin.",
		},
	}
}

func (b *backend) readCheck(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	iTwinID := strings.TrimSpace(d.Get(keyITwinID).(string)) //nolint:forcetypeassert // its schema is a string
	if iTwinID != "" && !iTwinIDPattern.MatchString(iTwinID) {
		return answer(errField(keyITwinID, "must be the id of an iTwin, such as 6f0a8a3e-2b1c-4c1d-9a51-1d3c5f0e7b11"))
	}
	report, err := b.check(ctx, req, tokenRole(d), iTwinID)
	if err != nil {
		return answer(err)
	}
	return &logical.Response{Data: report.data(), Warnings: report.warnings}, nil
}

func (r *checkReport) data() map[string]any {
	stages := make([]map[string]any, 0, len(r.stages))
	for _, s := range r.stages {
		stages = append(stages, map[string]any{
			keyStage: s.name, keyOK: s.ok, keyTook: max(s.took, 0).Round(time.Millisecond / 10).String(),
		})
	}
	data := map[string]any{keyOK: r.failure == nil, keyStages: stages}
	text := func(key, value string) {
		if value != "" {
			data[key] = value
		}
	}
	text(keyClientID, r.clientID)
	text(keyScope, r.scope)
	text(keyTokenID, r.tokenID)
	text(keyAppEmail, r.appEmail)
	text(keyDisplayName, r.displayName)
	text(keyOrganization, r.organization)
	text(keyITwinID, r.iTwinID)
	text(keyHint, r.hint)
	if r.permissions != nil {
		data[keyPermissions] = r.permissions
	}
	if r.failure != nil {
		data[keyFailedStage] = r.stages[len(r.stages)-1].name
		data[keyError] = r.failure.text
		text(keyCorrelationID, r.failure.correlationID)
	}
	return data
}

package itwin

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

const configSynopsis = `Configure a service app of the iTwin Platform.`

const configDescription = `
Holds the credentials of a service app and how tokens are obtained for it. "config" is
the default app; "config/<app>" holds further ones.

    $ vault write itwin/config client_id=service-... client_secret=@secret.txt
    $ vault write itwin/config/survey client_id=service-... client_secret=@survey.txt

Both values are in My Apps (developer.bentley.com), where the app is of the type Service;
the secret is shown once. To replace it later: vault write itwin/config
client_secret=@new-secret.txt

A write first makes a real exchange with IMS. If that fails nothing is stored and the
old config stands; verify=false stores it unproven. An update changes only the fields
that it names. Changing where the secret or tokens are sent (authority, token_url,
api_url, ca_cert, a lower tls_min_version) needs client_secret in the same write.

A new identity or secret starts a new generation: tokens minted before are dropped. A
read shows all but the secret. A delete ends the app: its tokens are dropped and its
readers get an error.

Next: vault read itwin/check, then vault read itwin/token`

const configListSynopsis = `List the apps besides the default one.`

const configListDescription = `
Lists the names of the apps configured at config/<app>. The default app, at config, has
no name and isn't listed.

    $ vault list itwin/config

Next: vault read itwin/config/<app>, or itwin/config for the default app`

func (b *backend) pathsConfig() []*framework.Path {
	return []*framework.Path{
		b.pathConfig("config$", nil, ""),
		b.listPath(configPrefix, "apps", configListSynopsis, configListDescription),
		b.pathConfig(configPrefix+framework.GenericNameRegex(keyApp), map[string]*framework.FieldSchema{
			keyApp: {
				Type: framework.TypeString, Required: true,
				Description: "Name of a further app: letters, digits and underscores, with dots and dashes in between.",
			},
		}, "app-"),
	}
}

func (b *backend) pathConfig(pattern string, fields map[string]*framework.FieldSchema, infix string) *framework.Path {
	if fields == nil {
		fields = make(map[string]*framework.FieldSchema)
	}
	for _, f := range configFields() {
		schema := f.schema
		fields[f.name] = &schema
	}
	fields[keyVerify] = &framework.FieldSchema{
		Type: framework.TypeBool, Default: true,
		Description: "Make a real exchange before anything is stored; if it fails, the config from before stands." +
			" False stores the config unproven. Not stored itself. Default: true.",
	}
	return &framework.Path{
		Pattern:         pattern,
		Fields:          fields,
		ExistenceCheck:  b.configExists,
		HelpSynopsis:    configSynopsis,
		HelpDescription: strings.TrimSpace(configDescription),
		DisplayAttrs:    &framework.DisplayAttributes{OperationPrefix: operationPrefix},
		Operations:      b.configOperations(infix + "configuration"),
	}
}

func (b *backend) configOperations(suffix string) map[logical.Operation]framework.OperationHandler {
	change := func(callback framework.OperationFunc, summary, verb, done string) *framework.PathOperation {
		return writeOperation(callback, summary, verb, suffix, done)
	}
	const stored = "The config is stored."
	return map[logical.Operation]framework.OperationHandler{
		logical.CreateOperation: change(b.writeConfig, "Store a service app's credentials.", "configure", stored),
		logical.UpdateOperation: change(b.writeConfig, "Change the fields given.", "configure", stored),
		logical.PatchOperation:  change(b.writeConfig, "Change the fields given; null goes back to the default.", "patch", stored),
		logical.DeleteOperation: change(b.deleteConfig, "Delete the app and drop its tokens.", "delete", "The app is deleted."),
		logical.ReadOperation: &framework.PathOperation{
			Callback:     b.readConfig,
			Summary:      "Read the config, without the secret.",
			DisplayAttrs: &framework.DisplayAttributes{OperationVerb: "read", OperationSuffix: suffix},
			Responses:    configResponses(),
		},
	}
}

func configResponses() map[int][]framework.Response {
	fields := map[string]*framework.FieldSchema{
		keyClientSecretSetAt: {
			Type: framework.TypeTime, Required: true,
			Description: "When the secret was last changed.",
		},
	}
	for _, f := range configFields() {
		if f.show == nil {
			continue
		}
		schema := f.schema
		schema.Required, schema.Default = true, nil
		if schema.Type == framework.TypeDurationSecond { // written as text, shown as a number
			schema.Type = framework.TypeInt64
			schema.Description += " In seconds."
		}
		fields[f.name] = &schema
	}
	return map[int][]framework.Response{http.StatusOK: {{Description: "The config.", Fields: fields}}}
}

func appName(d *framework.FieldData) string {
	if _, named := d.Schema[keyApp]; !named {
		return ""
	}
	return d.Get(keyApp).(string) //nolint:forcetypeassert // its schema is a string
}

func (b *backend) configExists(ctx context.Context, req *logical.Request, d *framework.FieldData) (bool, error) {
	entry, err := req.Storage.Get(ctx, configKey(appName(d)))
	if err != nil {
		return false, fmt.Errorf("reading config: %w", err)
	}
	return entry != nil, nil
}

func (b *backend) readConfig(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	c, err := loadConfig(ctx, req.Storage, appName(d))
	if err != nil {
		return answer(err)
	}
	if c == nil {
		return nil, nil // Vault answers 404
	}
	data := map[string]any{keyClientSecretSetAt: timestamp(c.ClientSecretSetAt)}
	for _, f := range configFields() {
		if f.show != nil {
			data[f.name] = f.show(c)
		}
	}
	return &logical.Response{Data: data}, nil
}

// writeConfig creates, updates and patches: all three change the fields given.
func (b *backend) writeConfig(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := appName(d)
	lock := b.writeLock(configKey(name))
	lock.Lock()
	defer lock.Unlock()

	old, err := b.configToChange(ctx, req, d)
	if err != nil {
		return answer(err)
	}
	next, err := b.changedConfig(old, d)
	if err != nil {
		return answer(err)
	}
	a, err := b.newApp(ctx, name, next)
	if err != nil {
		return answer(err)
	}
	first, err := b.verify(ctx, a.client, name, next, wantsProof(d))
	if err != nil {
		a.close()
		return answer(&unverifiedError{err: err, hadConfig: old != nil, spaceAround: next.secretHasSpaces()})
	}
	if err := storeConfig(ctx, req.Storage, name, next); err != nil {
		a.close()
		return answer(err)
	}
	b.putApp(ctx, req.Storage, a, old, first)
	b.log.Info("config written", "config", configKey(name), "client_id", next.ClientID,
		"generation", next.Generation, "verified", first != nil)
	b.event(eventConfigWrite, configKey(name), keyClientID, next.ClientID)
	return configWarnings(req.MountPoint+configKey(name), next, givesSecret(d), first), nil
}

func (b *backend) deleteConfig(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := appName(d)
	lock := b.writeLock(configKey(name))
	lock.Lock()
	defer lock.Unlock()

	old, err := loadConfig(ctx, req.Storage, name)
	if err != nil && !isUnusable(err) {
		return answer(err)
	}
	if err := req.Storage.Delete(ctx, configKey(name)); err != nil {
		return answer(fmt.Errorf("deleting config: %w", err))
	}
	b.dropApp(ctx, req.Storage, name, old)
	b.log.Info("config deleted", "config", configKey(name))
	b.event(eventConfigDelete, configKey(name))
	return nil, nil // Vault answers 204
}

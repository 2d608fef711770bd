package itwin

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

const configSynopsis = `Configure a service app of the iTwin Platform.`

const configDescription = `
Stores the credentials of a service app and the settings for obtaining its tokens.
"config" is the default app; each "config/<app>" is an additional one.

    $ vault write itwin/config client_id=service-... client_secret=@secret.txt
    $ vault write itwin/config/survey client_id=service-... client_secret=@survey.txt

Both values come from My Apps (developer.bentley.com), where you register an app of type
Service; its secret is shown only once. To replace it later: vault write itwin/config
client_secret=@new-secret.txt

A write first verifies the config with a real exchange with IMS. If that fails, nothing is
stored and the previous config remains; verify=false skips this. An update changes only the
given fields. Changing where the secret or tokens are sent (authority, token_url,
api_url, ca_cert, a lower tls_min_version) requires client_secret in the same write.

A new identity or secret starts a new generation: all earlier tokens are dropped. Any
other change keeps the shared tokens. A read shows everything but the secret, as it was
written. A delete drops the app's tokens, and its readers get an error.

By default, any role may use an app. To limit which roles can:

    $ vault write itwin/config allowed_roles='team-a-*,viewer'

Next: vault read itwin/check, then vault read itwin/token`

const configListSynopsis = `List the apps other than the default one.`

const configListDescription = `
Lists the names of the apps configured at config/<app>. The default app, at config, has
no name and isn't listed.

    $ vault list itwin/config

Next: vault read itwin/config/<app>, or itwin/config for the default app`

func (b *backend) pathsConfig() []*framework.Path {
	return []*framework.Path{
		b.pathConfig("config$", schemas{}, ""),
		b.listPath(configPrefix, "apps", configListSynopsis, configListDescription, describeConfig),
		b.pathConfig(configPrefix+nameRegex(keyApp), schemas{
			keyApp: {
				Type: framework.TypeString, Required: true,
				Description: "Name of an additional app: letters, digits and underscores, with dots and dashes in between, 128 characters at most.",
			},
		}, "app-"),
	}
}

func (b *backend) pathConfig(pattern string, fields schemas, infix string) *framework.Path {
	for _, f := range configFields() {
		schema := f.schema
		fields[f.name] = &schema
	}
	fields[keyVerify] = &framework.FieldSchema{
		Type: framework.TypeBool, Default: true,
		Description: "Verify the config with a real exchange before storing it; if that fails, the previous config remains." +
			" False stores the config without verifying it. Applies to this write only. Default: true.",
	}
	return withHelp(&framework.Path{
		Pattern:        pattern,
		Fields:         fields,
		ExistenceCheck: b.configExists,
		Operations:     b.configOperations(infix + "configuration"),
	}, configSynopsis, configDescription)
}

func (b *backend) configOperations(suffix string) operations {
	change := func(callback framework.OperationFunc, summary, verb, done string) *framework.PathOperation {
		return writeOperation(callback, summary, verb, suffix, done)
	}
	const stored = "The config is stored."
	return operations{
		logical.CreateOperation: change(b.writeConfig, "Store a service app's credentials.", "configure", stored),
		logical.UpdateOperation: change(b.writeConfig, "Change the given fields.", "configure", stored),
		logical.PatchOperation:  change(b.writeConfig, "Change the given fields; null resets a field to its default.", "patch", stored),
		logical.DeleteOperation: change(b.deleteConfig, "Delete the app and drop its tokens.", "delete", "The app is deleted."),
		logical.ReadOperation: readOperation(b.readConfig, "Read the config, without the secret.", "read", suffix,
			"The config.", shownConfigFields()),
	}
}

// asWritten completes the description of a list in a response.
const asWritten = " A list if it was written as one."

func shownConfigFields() schemas {
	fields := schemas{
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
		switch schema.Type {
		case framework.TypeDurationSecond: // written as text, shown as a number
			schema.Type = framework.TypeInt64
			schema.Description += " In seconds."
		case framework.TypeCommaStringSlice:
			schema.Type = framework.TypeString
			schema.Description += asWritten
		default:
		}
		fields[f.name] = &schema
	}
	return fields
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
	data := c.shown()
	data[keyClientSecretSetAt] = timestamp(c.ClientSecretSetAt)
	return &logical.Response{Data: data}, nil
}

// writeConfig creates, updates and patches: all three change only the given fields.
func (b *backend) writeConfig(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	w := newConfigWrite(req, d)
	if err := b.build(ctx, req.Storage, w); err != nil {
		return answer(err)
	}
	a, err := b.newApp(ctx, w.app, w.next)
	if err != nil {
		return answer(err)
	}
	if err := b.verify(ctx, a.client, w); err != nil {
		a.close()
		return answer(err)
	}
	if err := b.putConfig(ctx, req.Storage, a, w); err != nil {
		a.close()
		return answer(err)
	}
	b.log.Info("config written", "config", configKey(w.app), "client_id", w.next.ClientID,
		"generation", w.next.Generation, "verified", w.first != nil)
	b.event(eventConfigWrite, configKey(w.app), keyClientID, w.next.ClientID)
	return w.warnings(), nil
}

// putConfig stores the config and activates it with a's connections.
func (b *backend) putConfig(ctx context.Context, s logical.Storage, a *app, w *configWrite) error {
	unlock, err := b.writes.Acquire(ctx, configKey(w.app))
	if err != nil {
		return fmt.Errorf("waiting for another write of the config: %w", err)
	}
	defer unlock()
	if err := b.store(ctx, s, w); err != nil {
		return err
	}
	a.config = w.next // may differ from the verified config, but not in what the exchange depends on
	b.putApp(ctx, s, a, w.previous, w.first)
	return nil
}

func (b *backend) deleteConfig(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	name := appName(d)
	unlock, err := b.writes.Acquire(ctx, configKey(name))
	if err != nil {
		return answer(fmt.Errorf("waiting for a write of the config: %w", err))
	}
	defer unlock()
	stored, err := loadConfig(ctx, req.Storage, name)
	if err != nil && !isUnusable(err) {
		return answer(err)
	}
	if err := req.Storage.Delete(ctx, configKey(name)); err != nil {
		return answer(fmt.Errorf("deleting config: %w", err))
	}
	b.dropApp(ctx, req.Storage, name, stored)
	b.log.Info("config deleted", "config", configKey(name))
	b.event(eventConfigDelete, configKey(name))
	return nil, nil // Vault answers 204
}

// describeConfig returns what a detailed list shows about an app.
func describeConfig(ctx context.Context, s logical.Storage, name string) map[string]any {
	c, err := loadConfig(ctx, s, name)
	if err != nil || c == nil {
		return nil
	}
	return map[string]any{keyClientID: c.ClientID}
}

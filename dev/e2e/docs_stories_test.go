package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// The situations that take more than one step.

func asNobody(t *testing.T, d *desk) string {
	t.Helper()
	_, err := d.server.Client(t, "hvs.nobody").Logical().Read("itwin/token")
	return told(t, err)
}

func withoutConfig(t *testing.T, d *desk) string {
	t.Helper()
	d.mustDelete("itwin/config")
	defer d.configure(nil)
	return refusedRead("itwin/token", nil)(t, d)
}

func ofAnAppThatIsGone(t *testing.T, d *desk) string {
	t.Helper()
	d.mustWrite("itwin/role/survey", fields{"app": "survey"})
	text := refusedRead("itwin/token/survey", nil)(t, d)
	d.mustWrite("itwin/config/survey", app(d.ims, nil))
	return text
}

func configuredForABrowser(_ *testing.T, d *desk) string {
	return d.mustWrite("itwin/config/browser", app(d.ims, fields{"client_id": "spa-e2e", "verify": false})).Warnings[0]
}

func checkedDuringAPause(t *testing.T, d *desk) string {
	t.Helper()
	path := mountAnother(t, d.in(t))
	d.mustWrite(path+"/config", app(d.ims, fields{"verify": false}))
	d.ims.Fault(emulator.Fault{RetryAfter: time.Minute})
	defer d.ims.Heal()
	refusedRead(path+"/token", nil)(t, d)
	return check(t, d, path+"/check", nil)
}

// checkedTooOften makes one check more than may run at a time, while IMS is slow.
func checkedTooOften(t *testing.T, d *desk) string {
	t.Helper()
	path := mountAnother(t, d.in(t))
	d.mustWrite(path+"/config", app(d.ims, fields{"verify": false}))
	d.ims.Fault(emulator.Fault{Delay: 2 * time.Second})
	defer d.ims.Heal()
	refused := make(chan error, 3)
	var checks sync.WaitGroup
	for range cap(refused) {
		checks.Go(func() {
			if _, err := d.root.Logical().Read(path + "/check"); err != nil {
				refused <- err
			}
		})
	}
	checks.Wait()
	require.Len(t, refused, 1)
	return told(t, <-refused)
}

func overQuota(t *testing.T, d *desk) string {
	t.Helper()
	d.mustWrite("sys/quotas/rate-limit/small", fields{"path": "itwin/token*", "rate": 1, "interval": "60s"})
	defer d.mustDelete("sys/quotas/rate-limit/small")
	d.mustToken("itwin/token")
	return refusedRead("itwin/token", nil)(t, d)
}

func withoutTheCA(t *testing.T, d *desk) string {
	t.Helper()
	ims, err := emulator.Start(emulator.Options{TLS: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ims.Close()) })
	return refusedWrite("itwin/config/untrusted", app(ims, nil))(t, d)
}

// withThePreviousToken reads until the rotation of a token of 10 s has passed while IMS fails.
func withThePreviousToken(fault emulator.Fault) situation {
	return func(t *testing.T, d *desk) string {
		t.Helper()
		ims := startIMS(t)
		ims.SetLifetime(10 * time.Second)
		path := mountAnother(t, d.in(t))
		d.mustWrite(path+"/config", app(ims, nil))
		ims.Fault(fault)
		return firstWarning(t, d, path+"/token")
	}
}

func firstWarning(t *testing.T, d *desk, path string) (warning string) {
	t.Helper()
	vaulttest.Wait(t, 20*time.Second, "a warning", func() error {
		secret, err := d.root.Logical().Read(path)
		switch {
		case err != nil:
			return err
		case len(secret.Warnings) == 0:
			return errors.New("there is none")
		}
		warning = secret.Warnings[0]
		return nil
	})
	return warning
}

// withStored puts a config into storage that no write has made.
func withStored(text string) situation { return withStoredAt("config", "token", text) }

// withStoredAt reads one path of an engine where a text was put into the storage of another.
func withStoredAt(stored, read, text string) situation {
	return func(t *testing.T, d *desk) string {
		t.Helper()
		path := mountAnother(t, d.in(t))
		id := d.mustRead("sys/mounts/" + path).Data["uuid"].(string)
		d.mustWrite("sys/raw/logical/"+id+"/"+stored, fields{"value": text})
		return refusedRead(path+"/"+read, nil)(t, d)
	}
}

func roleOfAnUnknownApp(_ *testing.T, d *desk) string {
	return d.mustWrite("itwin/role/of-new", fields{"app": "new"}).Warnings[0]
}

func withoutTheRole(t *testing.T, d *desk) string {
	t.Helper()
	path := mountAnother(t, d.in(t))
	d.mustWrite(path+"/config", app(d.ims, fields{"allowed_roles": "team-a-*", "verify": false}))
	d.mustWrite(path+"/role/viewer", nil)
	return refusedRead(path+"/token/viewer", nil)(t, d)
}

// overtaken deletes a config while a write of it waits for IMS.
func overtaken(t *testing.T, d *desk) string {
	t.Helper()
	path, ims := mountAnother(t, d.in(t)), startIMS(t)
	d.mustWrite(path+"/config", app(ims, fields{"verify": false}))
	ims.Fault(emulator.Fault{Delay: time.Second})
	refused := make(chan error, 1)
	go func() {
		_, err := d.root.Logical().Write(path+"/config", fields{"client_secret": clientSecret})
		refused <- err
	}()
	awaitExchanges(t, ims, 1)
	d.mustDelete(path + "/config")
	return told(t, <-refused)
}

func withoutAScope(t *testing.T, d *desk) string {
	t.Helper()
	d.ims.Fault(emulator.Fault{Fields: map[string]json.RawMessage{"scope": json.RawMessage(`"itwin-platform"`)}})
	defer d.ims.Heal()
	return warned(fields{"scopes": "itwin-platform itwins:read"})(t, d)
}

// withoutLifetime reads an opaque token without expires_in.
func withoutLifetime(t *testing.T, d *desk) string {
	t.Helper()
	return failing(emulator.Fault{Status: http.StatusOK, Body: `{"access_token": "opaque"}`, ContentType: "application/json"}, nil)(t, d)
}

func rotatedTooOften(t *testing.T, d *desk) string {
	t.Helper()
	path := mountAnother(t, d.in(t))
	d.mustWrite(path+"/config", app(d.ims, nil))
	for range 1000 {
		if _, err := d.root.Logical().Write(path+"/rotate", nil); err != nil {
			return told(t, err)
		}
	}
	return "no rotation was refused"
}

// rotatedInVain gets the token again that it had.
func rotatedInVain(_ *testing.T, d *desk) string {
	d.ims.Fault(emulator.Fault{SameToken: true})
	defer d.ims.Heal()
	d.mustWrite("itwin/rotate", nil)
	return d.mustWrite("itwin/rotate", nil).Warnings[0]
}

// crowded reads one token more than may be minted at a time, while IMS is silent.
func crowded(t *testing.T, d *desk) string {
	t.Helper()
	const slots = 8
	path, ims := mountAnother(t, d.in(t)), startIMS(t)
	d.mustWrite(path+"/config", app(ims, fields{"request_timeout": "4s", "verify": false}))
	ims.Fault(emulator.Fault{Hang: true})
	role := func(i int) string { return fmt.Sprintf("role-%d", i) }
	for i := range slots + 1 {
		d.mustWrite(path+"/role/"+role(i), fields{"scopes": role(i)})
	}
	var readers sync.WaitGroup
	defer readers.Wait()
	for i := range slots {
		readers.Go(func() { _, _ = d.root.Logical().Read(path + "/token/" + role(i)) })
	}
	awaitExchanges(t, ims, slots)
	d.mustWrite(path+"/config", fields{"request_timeout": "1s", "verify": false})
	return refusedRead(path+"/token/"+role(slots), nil)(t, d)
}

func awaitExchanges(t *testing.T, ims *emulator.Emulator, count int) {
	t.Helper()
	vaulttest.Wait(t, 5*time.Second, "the exchanges", func() error {
		if ims.Exchanges() < count {
			return errNotYet
		}
		return nil
	})
}

// arrivingLate gets a token that has expired on its way.
func arrivingLate(t *testing.T, d *desk) string {
	t.Helper()
	path, ims := mountAnother(t, d.in(t)), startIMS(t)
	ims.SetLifetime(4 * time.Second)
	d.mustWrite(path+"/config", app(ims, fields{"verify": false}))
	ims.Fault(emulator.Fault{Delay: 5 * time.Second})
	return refusedRead(path+"/token", nil)(t, d)
}

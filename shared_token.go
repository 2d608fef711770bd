package itwin

import (
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// sharedToken answers a read from memory: no call to Vault, no wait. It returns
// nil for anything that is not that simple.
func (b *backend) sharedToken(req *logical.Request) *logical.Response {
	minLife, plain := plainWish(req)
	if !plain {
		return nil
	}
	name, named := strings.CutPrefix(req.Path, tokenPrefix)
	if !named && req.Path != tokenPath || named && name == "" {
		return nil
	}
	r := &role{}
	if named {
		known, ok := b.roles.peek(name)
		if !ok {
			return nil
		}
		r = known
	}
	a, ok := b.apps.peek(r.App)
	if !ok {
		return nil
	}
	served, ok := a.pool.Fresh(a.tokenScope(r), minLife)
	if !ok {
		return nil
	}
	r.countRead()
	return tokenResponse(a, served)
}

// plainWish reads min_ttl of a request that asks for nothing else and in no way
// that needs an answer in words.
func plainWish(req *logical.Request) (time.Duration, bool) {
	raw, asked := req.Data[keyMinTTL]
	switch {
	case req.Operation != logical.ReadOperation && req.Operation != logical.UpdateOperation:
		return 0, false
	case len(req.Data) == 0:
		return 0, true
	case !asked || len(req.Data) > 1:
		return 0, false
	}
	d := framework.FieldData{
		Raw:    map[string]any{keyMinTTL: raw},
		Schema: map[string]*framework.FieldSchema{keyMinTTL: minTTLField()},
	}
	seconds, ok, err := d.GetOkErr(keyMinTTL)
	if err != nil || !ok {
		return 0, false
	}
	return time.Duration(seconds.(int)) * time.Second, true //nolint:forcetypeassert // its schema is a duration
}

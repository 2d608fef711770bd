package itwin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/platform"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// The stages of a chain, beside those of reaching a host.
const (
	stageConfig      = "config"
	stageExchange    = "exchange"
	stageToken       = "token"
	stageUser        = "users/me"
	stagePermissions = "permissions"
)

// chain is one run from the config to the Platform. It has connections of its
// own, so that name resolution and TLS are proved as well.
type chain struct {
	now      func() time.Time
	config   *config
	scope    string
	exchange *ims.Client
	platform *platform.Client

	stages []map[string]any
	found  map[string]any
	failed bool
}

func (b *backend) newChain(ctx context.Context, c *config, scope string) (*chain, error) {
	exchange, err := b.newClient(ctx, c)
	if err != nil {
		return nil, err
	}
	client, err := platform.NewClient(platform.Options{
		APIURL:         c.APIURL,
		RequestTimeout: c.RequestTimeout,
		CACert:         c.CACert,
		TLSMinVersion:  c.TLSMinVersion,
		UserAgent:      b.userAgent(ctx),
		Now:            b.now,
	})
	if err != nil {
		return nil, fmt.Errorf("preparing to ask the Platform: %w", err)
	}
	return &chain{
		now: b.now, config: c, scope: scope, exchange: exchange, platform: client,
		found: map[string]any{
			keyClientID: c.ClientID,
			keyScope:    scope,
			keyAppEmail: c.ClientID + "@apps.imsoidc.bentley.com",
		},
	}, nil
}

// brokenConfig is the report where the first stage fails: what is stored can't be
// used, and its error says what to do.
func brokenConfig(err error) map[string]any {
	c := &chain{found: make(map[string]any)}
	c.fail(stageConfig, 0, err, "", "")
	return c.report()
}

func (c *chain) close() {
	c.exchange.Close()
	c.platform.Close()
}

// run stops at the first stage that fails. The config took since begun to read.
// minted is called after the exchange: what is asked of the Platform, which may
// take long, keeps no reader from one.
func (c *chain) run(ctx context.Context, begun time.Time, iTwinID string, minted func()) {
	c.pass(stageConfig, c.now().Sub(begun))
	grant, ok := c.mint(ctx)
	minted()
	if !ok {
		return
	}
	c.found[keyTokenID] = tokens.ID(grant.AccessToken)
	if !c.askUser(ctx, grant) || iTwinID == "" {
		return
	}
	c.askPermissions(ctx, grant, iTwinID)
}

// mint passes the stages of reaching IMS, the exchange itself, and the reading of
// its answer.
func (c *chain) mint(ctx context.Context) (ims.Grant, bool) {
	traced, timeline := outbound.NewTimeline(ctx, c.now)
	begun := c.now()
	grant, err := c.exchange.Exchange(traced, c.scope)
	rest := c.now().Sub(begun)
	for _, stage := range []outbound.Stage{outbound.StageDNS, outbound.StageConnect, outbound.StageTLS} {
		if took, passed := timeline.Took(stage); passed {
			c.pass(string(stage), took)
			rest -= took
		}
	}
	failure, failed := errors.AsType[*ims.Error](err)
	if failed && failure.Kind != ims.Malformed {
		c.fail(exchangeStage(failure), rest, failure, imsHint(failure), failure.CorrelationID)
		return ims.Grant{}, false
	}
	c.pass(stageExchange, rest)
	if failed {
		c.fail(stageToken, 0, failure, imsHint(failure), failure.CorrelationID)
		return ims.Grant{}, false
	}
	c.pass(stageToken, 0)
	return grant, true
}

// exchangeStage is where an exchange failed: on the way to IMS, or with it.
func exchangeStage(failure *ims.Error) string {
	switch failure.Stage {
	case outbound.StageDNS, outbound.StageConnect, outbound.StageProxy, outbound.StageTLS:
		return string(failure.Stage)
	default:
		return stageExchange
	}
}

func (c *chain) askUser(ctx context.Context, grant ims.Grant) bool {
	begun := c.now()
	user, err := c.platform.Me(ctx, grant.AccessToken)
	if err != nil {
		c.failPlatform(stageUser, begun, err)
		return false
	}
	c.pass(stageUser, c.now().Sub(begun))
	c.found[keyDisplayName] = user.DisplayName
	c.found[keyOrganization] = user.OrganizationName
	if user.Email != "" {
		c.found[keyAppEmail] = user.Email
	}
	return true
}

func (c *chain) askPermissions(ctx context.Context, grant ims.Grant, iTwinID string) {
	c.found[keyITwinID] = iTwinID
	begun := c.now()
	permissions, err := c.platform.Permissions(ctx, grant.AccessToken, iTwinID)
	if err != nil {
		c.failPlatform(stagePermissions, begun, err)
		return
	}
	c.found[keyPermissions] = permissions
	c.pass(stagePermissions, c.now().Sub(begun))
	if len(permissions) == 0 {
		c.found[keyHint] = c.inviteHint()
	}
}

func (c *chain) failPlatform(stage string, begun time.Time, err error) {
	var e *platform.Error
	if !errors.As(err, &e) {
		e = &platform.Error{Detail: "it could not be asked"}
	}
	c.fail(stage, c.now().Sub(begun), e, c.platformHint(stage, e), e.CorrelationID)
}

func (c *chain) pass(stage string, took time.Duration) {
	c.note(stage, true, took)
}

func (c *chain) fail(stage string, took time.Duration, err error, hint, correlationID string) {
	c.note(stage, false, took)
	c.failed = true
	c.found[keyFailedStage] = stage
	c.found[keyError] = err.Error()
	for key, value := range map[string]string{keyHint: hint, keyCorrelationID: correlationID} {
		if value != "" {
			c.found[key] = value
		}
	}
}

func (c *chain) note(stage string, ok bool, took time.Duration) {
	c.stages = append(c.stages, map[string]any{
		keyStage: stage, keyOK: ok, keyTook: max(took, 0).Round(time.Millisecond / 10).String(),
	})
}

func (c *chain) report() map[string]any {
	c.found[keyOK] = !c.failed
	c.found[keyStages] = c.stages
	return c.found
}

// platformHint says what to do about an answer of the Platform.
func (c *chain) platformHint(stage string, e *platform.Error) string {
	switch e.Status {
	case http.StatusUnauthorized:
		return "IMS and the Platform must be of one environment (authority, api_url)," +
			" and the token needs the scope itwin-platform, which the role or config names."
	case http.StatusForbidden, http.StatusNotFound:
		if stage == stagePermissions {
			return c.inviteHint()
		}
		return "Check that api_url leads to the iTwin Platform: users/me needs no access to any iTwin."
	case http.StatusTooManyRequests:
		return "The app's users share its rate limit: wait, or ask for a larger subscription."
	case 0:
		return "Check api_url, ca_cert, and that the Vault server may reach it: firewall, proxy (HTTPS_PROXY)."
	default:
		return "Check api_url and status.bentley.com, or ask Bentley's support with the correlation id."
	}
}

func (c *chain) inviteHint() string {
	return "The token is good, but the app has no access to this iTwin: if the id is right, invite " +
		fmt.Sprint(c.found[keyAppEmail]) + " to it and give it a role. A new app may need 5 to 10 minutes."
}

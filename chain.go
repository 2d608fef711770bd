package itwin

import (
	"context"
	"errors"
	"net/http"
	"strings"
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
	})
	if err != nil {
		return nil, err
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

func (c *chain) close() {
	c.exchange.Close()
	c.platform.Close()
}

func (c *chain) run(ctx context.Context, iTwinID string) {
	c.pass(stageConfig, 0)
	grant, ok := c.mint(ctx)
	if !ok {
		return
	}
	c.found[keyTokenID] = tokens.ID(grant.AccessToken)
	if !c.askUser(ctx, grant) || iTwinID == "" {
		return
	}
	c.askPermissions(ctx, grant, iTwinID)
}

// mint passes the stages of reaching IMS and the exchange itself.
func (c *chain) mint(ctx context.Context) (ims.Grant, bool) {
	traced, timeline := outbound.NewTimeline(ctx)
	begun := c.now()
	grant, err := c.exchange.Exchange(traced, c.scope)
	failure, failed := errors.AsType[*ims.Error](err)
	for _, stage := range []outbound.Stage{outbound.StageDNS, outbound.StageConnect, outbound.StageTLS} {
		if failed && failure.Stage == stage {
			break
		}
		if took, passed := timeline.Took(stage); passed {
			c.pass(string(stage), took)
		}
	}
	if !failed {
		c.pass(stageExchange, c.now().Sub(begun))
		return grant, true
	}
	stage := stageExchange
	switch failure.Stage {
	case outbound.StageDNS, outbound.StageConnect, outbound.StageTLS:
		stage = string(failure.Stage)
	default:
	}
	c.fail(stage, c.now().Sub(begun), failure, imsHint(failure), failure.CorrelationID)
	return ims.Grant{}, false
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
	c.fail(stage, c.now().Sub(begun), e, c.platformHint(e), e.CorrelationID)
}

func (c *chain) pass(stage string, took time.Duration) {
	c.stages = append(c.stages, map[string]any{"stage": stage, keyOK: true, "took": tookText(took)})
}

func (c *chain) fail(stage string, took time.Duration, err error, hint, correlationID string) {
	c.stages = append(c.stages, map[string]any{"stage": stage, keyOK: false, "took": tookText(took)})
	c.failed = true
	c.found[keyFailedStage] = stage
	c.found[keyError] = err.Error()
	c.found[keyHint] = hint
	c.found[keyCorrelationID] = correlationID
}

func tookText(d time.Duration) string { return d.Round(time.Millisecond / 10).String() }

func (c *chain) report() map[string]any {
	c.found[keyOK] = !c.failed
	c.found[keyStages] = c.stages
	return c.found
}

// imsHint says what to do about a failed exchange.
func imsHint(e *ims.Error) string {
	switch e.Kind {
	case ims.Refused:
		return strings.TrimPrefix(refusalHint(e.Code), ". ")
	case ims.RateLimited:
		return "Wait, and look for another user of the same app that asks IMS too often."
	case ims.Malformed:
		return "Check that authority and token_url lead to IMS: something else answered."
	case ims.TimedOut, ims.Unreachable:
	}
	switch e.Stage {
	case outbound.StageDNS:
		return "Check the host in authority or token_url, and the name servers of the Vault server."
	case outbound.StageTLS:
		return "Check ca_cert and tls_min_version, and whether a proxy replaces certificates on the way."
	case outbound.StageProxy:
		return "Check HTTPS_PROXY and NO_PROXY, given with -env when the plugin was registered."
	default:
		return "Check that the Vault server may reach IMS: firewall, proxy (HTTPS_PROXY), status.bentley.com."
	}
}

// platformHint says what to do about an answer of the Platform.
func (c *chain) platformHint(e *platform.Error) string {
	switch e.Status {
	case http.StatusUnauthorized:
		return "IMS and the Platform must be of one environment (authority, api_url), and the app needs the scope itwin-platform."
	case http.StatusForbidden, http.StatusNotFound:
		return c.inviteHint()
	case http.StatusTooManyRequests:
		return "The app's users share its rate limit: wait, or ask for a larger subscription."
	case 0:
		return "Check api_url, and that the Vault server may reach it: firewall, proxy (HTTPS_PROXY)."
	default:
		return "Check api_url and status.bentley.com, or ask Bentley's support with the correlation id."
	}
}

func (c *chain) inviteHint() string {
	return "The token is good, but the app has no access to this iTwin: invite " + asString(c.found[keyAppEmail]) +
		" to it and give it a role. A new app may need 5 to 10 minutes."
}

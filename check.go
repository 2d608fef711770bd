package itwin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/platform"
	"vault-plugin-secrets-itwin/internal/secret"
	"vault-plugin-secrets-itwin/internal/tokens"
)

// maxChecks is how many checks and config writes of one app may ask IMS at a time.
// They never take an exchange from readers.
const maxChecks = 2

// The stages of a check, beside those of reaching a host.
const (
	stageConfig      = "config"
	stageExchange    = "exchange"
	stageToken       = "token"
	stageUser        = "users/me"
	stagePermissions = "permissions"
)

// checkReport is how far a check came. Empty fields weren't reached.
type checkReport struct {
	stages  []checkStage
	failure *checkFailure // nil: all stages passed
	hint    string

	clientID, scope, tokenID            string
	appEmail, displayName, organization string
	iTwinID                             string
	permissions                         []string // nil: not asked for
}

type checkStage struct {
	name string
	ok   bool
	took time.Duration
}

// checkFailure is why the last stage failed.
type checkFailure struct {
	err           error
	correlationID string
}

func (r *checkReport) pass(stage string, took time.Duration) {
	r.stages = append(r.stages, checkStage{name: stage, ok: true, took: took})
}

func (r *checkReport) fail(stage string, took time.Duration, failure checkFailure, hint string) {
	r.stages = append(r.stages, checkStage{name: stage, took: took})
	r.failure, r.hint = &failure, hint
}

// check runs the whole chain for a role, with a token of its own. An error is the
// caller's mistake or Vault's; what fails in the chain is in the report.
func (b *backend) check(ctx context.Context, req *logical.Request, roleName, iTwinID string) (*checkReport, error) {
	begun := b.now()
	a, r, err := b.resolve(ctx, req, roleName)
	if isUnusable(err) || errors.Is(err, errDamagedRole) {
		report := &checkReport{}
		report.fail(stageConfig, 0, checkFailure{err: err}, "") // the error says what to do
		return report, nil
	}
	if err != nil {
		return nil, err
	}
	done, ok := b.checks.TryAcquire(a.name)
	if !ok {
		return nil, busyError{app: a.name}
	}
	defer done()
	c, err := b.newChain(ctx, a.config, a.tokenScope(r))
	if err != nil {
		return nil, err
	}
	defer c.close()
	c.report.pass(stageConfig, b.now().Sub(begun))
	if failure := a.heldOff(b.now()); failure != nil {
		c.report.failHeldOff(failure)
		return &c.report, nil
	}
	c.run(ctx, iTwinID)
	return &c.report, nil
}

// heldOff returns a failure of the app whose Retry-After hasn't passed yet, or nil.
func (a *app) heldOff(now time.Time) *tokens.Failure {
	for _, s := range a.pool.Statuses() {
		if s.Failure == nil || !now.Before(s.Failure.NextAttempt) {
			continue
		}
		if e, ok := errors.AsType[*ims.Error](s.Failure); ok && e.RetryAfter > 0 {
			return s.Failure
		}
	}
	return nil
}

func (r *checkReport) failHeldOff(f *tokens.Failure) {
	e, _ := errors.AsType[*ims.Error](f)
	err := fmt.Errorf("IMS asked for a pause until %s, so the check sent no request: %w", timestampOfDue(f.NextAttempt), e)
	r.fail(stageExchange, 0, checkFailure{err: err, correlationID: e.CorrelationID}, imsHint(e))
}

// chain is one run from the config to the Platform. Its connections are its own,
// so that name resolution and TLS are checked as well.
type chain struct {
	now      func() time.Time
	exchange *ims.Client
	platform *platform.Client
	report   checkReport
}

func (b *backend) newChain(ctx context.Context, c *config, scope string) (*chain, error) {
	exchange, err := b.newClient(ctx, c)
	if err != nil {
		return nil, err
	}
	reach := c.outboundOptions()
	client, err := platform.NewClient(platform.Options{
		APIURL:         c.APIURL,
		RequestTimeout: reach.Timeout,
		CACert:         reach.CACert,
		TLSMinVersion:  reach.TLSMinVersion,
		UserAgent:      b.userAgent(ctx),
		Now:            b.now,
	})
	if err != nil {
		return nil, fmt.Errorf("preparing to ask the Platform: %w", err)
	}
	return &chain{now: b.now, exchange: exchange, platform: client, report: checkReport{
		clientID: c.ClientID, scope: scope, appEmail: c.ClientID + "@apps.imsoidc.bentley.com",
	}}, nil
}

func (c *chain) close() {
	c.exchange.Close()
	c.platform.Close()
}

// run stops at the first stage that fails.
func (c *chain) run(ctx context.Context, iTwinID string) {
	token, ok := c.mint(ctx)
	if !ok {
		return
	}
	c.report.tokenID = tokens.ID(token)
	if c.askUser(ctx, token) && iTwinID != "" {
		c.askPermissions(ctx, token, iTwinID)
	}
}

// mint passes the stages of reaching IMS, the exchange itself, and the token in its
// answer.
func (c *chain) mint(ctx context.Context) (secret.Text, bool) {
	traced, timeline := outbound.NewTimeline(ctx, c.now)
	begun := c.now()
	grant, err := c.exchange.Exchange(traced, c.report.scope)
	rest := c.now().Sub(begun)
	for _, stage := range []outbound.Stage{outbound.StageDNS, outbound.StageConnect, outbound.StageTLS} {
		if took, passed := timeline.Took(stage); passed {
			c.report.pass(string(stage), took)
			rest -= took
		}
	}
	failure, failed := errors.AsType[*ims.Error](err)
	if !failed {
		c.report.pass(stageExchange, rest)
		c.report.pass(stageToken, 0)
		return grant.AccessToken, true
	}
	stage := exchangeStage(failure)
	if stage == stageToken {
		c.report.pass(stageExchange, rest)
		rest = 0
	}
	c.report.fail(stage, rest, checkFailure{err: failure, correlationID: failure.CorrelationID}, imsHint(failure))
	return secret.Text{}, false
}

// exchangeStage returns the stage at which an exchange failed.
func exchangeStage(failure *ims.Error) string {
	if failure.Kind == ims.Malformed {
		return stageToken
	}
	switch failure.Stage {
	case outbound.StageDNS, outbound.StageConnect, outbound.StageProxy, outbound.StageTLS:
		return string(failure.Stage)
	default:
		return stageExchange
	}
}

func (c *chain) askUser(ctx context.Context, token secret.Text) bool {
	begun := c.now()
	user, err := c.platform.Me(ctx, token)
	took := c.now().Sub(begun)
	if err != nil {
		c.report.failPlatform(stageUser, took, err)
		return false
	}
	c.report.pass(stageUser, took)
	c.report.displayName, c.report.organization = user.DisplayName, user.OrganizationName
	if user.Email != "" {
		c.report.appEmail = user.Email
	}
	return true
}

func (c *chain) askPermissions(ctx context.Context, token secret.Text, iTwinID string) {
	c.report.iTwinID = iTwinID
	begun := c.now()
	permissions, err := c.platform.Permissions(ctx, token, iTwinID)
	took := c.now().Sub(begun)
	if err != nil {
		c.report.failPlatform(stagePermissions, took, err)
		return
	}
	c.report.permissions = permissions
	c.report.pass(stagePermissions, took)
	if len(permissions) == 0 {
		c.report.hint = inviteHint(c.report.appEmail)
	}
}

func (r *checkReport) failPlatform(stage string, took time.Duration, err error) {
	var e *platform.Error
	if !errors.As(err, &e) {
		e = &platform.Error{Detail: "the request could not be sent"}
	}
	r.fail(stage, took, checkFailure{err: e, correlationID: e.CorrelationID}, platformHint(stage, r.appEmail, e))
}

// platformHint says what to do about an error of the Platform.
func platformHint(stage, appEmail string, e *platform.Error) string {
	switch e.Status {
	case http.StatusUnauthorized:
		return "authority and api_url must belong to the same environment," +
			" and the scopes of the role or config must include itwin-platform."
	case http.StatusForbidden, http.StatusNotFound:
		if stage == stagePermissions {
			return inviteHint(appEmail)
		}
		return "Check that api_url belongs to the iTwin Platform: users/me needs no access to an iTwin."
	case http.StatusTooManyRequests:
		return "All users of the app share its rate limit: wait, or ask Bentley for a larger subscription."
	case 0:
		return "Check api_url and ca_cert, and that the Vault server can reach the Platform: firewall, proxy (HTTPS_PROXY)."
	default:
		return "Check api_url and status.bentley.com, or give the correlation id to Bentley's support."
	}
}

func inviteHint(appEmail string) string {
	return "The token is valid, but the app has no access to this iTwin. Check the id, invite " + appEmail +
		" to the iTwin and give it a role. For a new app that can take 5 to 10 minutes to work."
}

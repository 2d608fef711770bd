package itwin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-itwin/internal/ims"
	"vault-plugin-secrets-itwin/internal/outbound"
	"vault-plugin-secrets-itwin/internal/platform"
	"vault-plugin-secrets-itwin/internal/scopes"
	"vault-plugin-secrets-itwin/internal/secret"
	"vault-plugin-secrets-itwin/internal/tokens"
)

const (
	// maxChecks is how many checks of one app may run at a time. They never take an
	// exchange from readers.
	maxChecks = 2
	// checkRequests is the most that one check sends: to IMS, users/me and permissions.
	checkRequests = 3
)

// The stages of a check, in addition to outbound's for reaching a host.
const (
	stageConfig      = "config"
	stageExchange    = "exchange"
	stageToken       = "token"
	stageUser        = "users/me"
	stagePermissions = "permissions"
)

// checkReport is the result of a check. Fields that weren't reached are empty.
type checkReport struct {
	stages   []checkStage
	failure  *checkFailure // nil: all stages passed
	hint     string
	warnings []string

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

// checkFailure describes why the last stage failed.
type checkFailure struct {
	text          string
	correlationID string
}

func (r *checkReport) pass(stage string, took time.Duration) {
	r.stages = append(r.stages, checkStage{name: stage, ok: true, took: took})
}

func (r *checkReport) fail(stage string, took time.Duration, failure checkFailure, hint string) {
	r.stages = append(r.stages, checkStage{name: stage, took: took})
	r.failure, r.hint = &failure, hint
}

// check runs the whole chain for a role, with its own token. A failure in the chain is
// in the report; an error means that the check couldn't run.
func (b *backend) check(ctx context.Context, req *logical.Request, roleName, iTwinID string) (*checkReport, error) {
	begun := b.now()
	a, r, err := b.resolve(ctx, req, roleName)
	if isUnusable(err) || errors.Is(err, errDamagedRole) {
		report := &checkReport{}
		report.fail(stageConfig, 0, checkFailure{text: err.Error()}, "") // the error says what to do
		return report, nil
	}
	if err != nil {
		return nil, err
	}
	done, ok := b.checks.TryAcquire(a.name)
	if !ok {
		return nil, &busyError{what: "checks", app: a.name, limit: checkRequests * a.config.RequestTimeout}
	}
	defer done()
	c, err := b.newChain(ctx, a, a.scopesOf(r))
	if err != nil {
		return nil, err
	}
	defer c.close()
	c.report.pass(stageConfig, b.now().Sub(begun))
	if p := a.heldOff(b.now()); p != nil {
		c.report.failHeldOff(p)
		return &c.report, nil
	}
	c.run(ctx, iTwinID)
	if e := c.refusal; e != nil && e.RetryAfter > 0 {
		a.pause.Store(&pause{until: b.now().Add(e.RetryAfter), cause: e})
	}
	return &c.report, nil
}

// pause is a Retry-After of IMS, which readers or a check were given.
type pause struct {
	until time.Time
	cause *ims.Error
}

// heldOff returns a pause that hasn't passed yet, or nil. Checks that went on asking
// would have IMS refuse the app's readers as well.
func (a *app) heldOff(now time.Time) *pause {
	if p := a.pause.Load(); p != nil && now.Before(p.until) {
		return p
	}
	for _, s := range a.pool.Statuses() {
		if s.Failure == nil || !now.Before(s.Failure.NextAttempt) {
			continue
		}
		if e, ok := errors.AsType[*ims.Error](s.Failure); ok && e.RetryAfter > 0 {
			return &pause{until: s.Failure.NextAttempt, cause: e}
		}
	}
	return nil
}

func (r *checkReport) failHeldOff(p *pause) {
	text := fmt.Sprintf("IMS asked clients to wait until %s, so the check sent no request: %s", timestampOfDue(p.until), p.cause.Described())
	r.fail(stageExchange, 0, checkFailure{text, p.cause.CorrelationID}, imsHint(p.cause))
}

// warnMissing warns about scopes that IMS didn't grant.
func (r *checkReport) warnMissing(wanted, granted scopes.Set) {
	if text := missingScopes(wanted, granted); text != "" {
		r.warnings = append(r.warnings, text)
	}
}

// missingScopes describes the scopes that IMS didn't grant, or returns "". A response
// that doesn't state the granted scopes grants them all (RFC 6749 section 5.1).
func missingScopes(wanted, granted scopes.Set) string {
	missing := wanted.Without(granted)
	if granted.IsZero() || missing.IsZero() {
		return ""
	}
	return fmt.Sprintf("IMS didn't grant %s: add the scope to the app in My Apps, or remove it from scopes.", missing)
}

// chain is one run from the config to the Platform. It makes its own connections, so
// that name resolution and TLS are checked as well.
type chain struct {
	now      func() time.Time
	probe    *app // without a pool
	platform *platform.Client
	scopes   scopes.Set
	report   checkReport
	refusal  *ims.Error // why there was no token; nil if there was
}

func (b *backend) newChain(ctx context.Context, a *app, wanted scopes.Set) (*chain, error) {
	probe, err := b.newApp(ctx, a.name, a.config)
	if err != nil {
		return nil, err
	}
	client, err := platform.NewClient(platform.Options{
		Options: b.outboundOptions(ctx, a.config), APIURL: a.config.APIURL, ClientSecret: a.config.ClientSecret,
	})
	if err != nil {
		probe.close()
		return nil, fmt.Errorf("preparing to ask the Platform: %w", err)
	}
	return &chain{now: b.now, probe: probe, platform: client, scopes: wanted, report: checkReport{
		clientID: a.config.ClientID, scope: wanted.String(), appEmail: a.config.ClientID + "@apps.imsoidc.bentley.com",
	}}, nil
}

func (c *chain) close() {
	c.probe.close()
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

// mint runs the stages of reaching IMS, the exchange itself, and the token in the
// response.
func (c *chain) mint(ctx context.Context) (secret.Text, bool) {
	traced, timeline := outbound.NewTimeline(ctx, c.now)
	begun := c.now()
	grant, err := c.probe.client.Exchange(traced, c.scopes)
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
		c.report.warnMissing(c.scopes, grant.Scope)
		return grant.AccessToken, true
	}
	c.refusal = failure
	stage := exchangeStage(failure)
	if stage == stageToken {
		c.report.pass(stageExchange, rest)
		rest = 0
	}
	c.report.fail(stage, rest, checkFailure{failure.Described(), failure.CorrelationID}, imsHint(failure))
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
		e = &platform.Error{Detail: "could not send the request"}
	}
	r.fail(stage, took, checkFailure{e.Error(), e.CorrelationID}, platformHint(stage, r.appEmail, e))
}

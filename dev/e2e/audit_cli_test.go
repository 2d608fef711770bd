package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/vaulttest"
)

// auditCLI is the command under test.
type auditCLI struct {
	t      *testing.T
	binary string
	env    []string // of the Vault that --vault asks
}

func buildAuditCLI(t *testing.T, s *auditStory) auditCLI {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "itwin-audit")
	build := exec.Command("go", "build", "-o", binary, "./cmd/itwin-audit")
	build.Dir = "../.."
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	auditor := s.server.User(t, "auditor", `path "sys/audit-hash/file" { capabilities = ["update"] }`)
	return auditCLI{t: t, binary: binary, env: append(os.Environ(), "VAULT_ADDR="+s.server.Addr, "VAULT_TOKEN="+auditor.Token())}
}

// auditAnswer is what the tests look at of an answer in JSON.
type auditAnswer struct {
	Sections []struct {
		Name string `json:"name"`
		Rows []struct {
			Kind, Role, Reader, Policies, Address, Path, Operation, Detail string
			TokenID                                                        string `json:"token_id"`
			Count                                                          int
		} `json:"rows"`
	} `json:"sections"`
	Notes []string `json:"notes"`
}

// told is a section in short.
func (a auditAnswer) told(name string) []string {
	told := []string{}
	for _, section := range a.Sections {
		for _, r := range section.Rows {
			if section.Name == name {
				row := fmt.Sprintf("%s %s %s %s %s x%d", r.Reader, r.Kind, r.Role, r.Operation, r.Path, r.Count)
				told = append(told, strings.Join(strings.Fields(row), " "))
			}
		}
	}
	return told
}

// ask runs the command and returns its answer, nothing else than the code being an error.
func (c auditCLI) ask(code int, stdin string, args ...string) auditAnswer {
	c.t.Helper()
	cmd := exec.Command(c.binary, append([]string{args[0], "--format", "json"}, args[1:]...)...)
	cmd.Env, cmd.Stdin = c.env, strings.NewReader(stdin)
	var errors bytes.Buffer
	cmd.Stderr = &errors
	out, _ := cmd.Output()
	require.Equal(c.t, code, cmd.ProcessState.ExitCode(), errors.String())
	require.Empty(c.t, errors.String())
	var answer auditAnswer
	require.NoError(c.t, json.Unmarshal(out, &answer))
	return answer
}

func TestAuditAnswersFromALogWithTokenIDsInClear(t *testing.T) {
	t.Parallel()
	s := recordAuditStory(t, true)
	cli := buildAuditCLI(t, s)
	requireReaders(t, s, cli)
	requireSummary(t, s, cli)

	robot := cli.ask(0, "", "tokens", "--reader", "ci-build", s.log)
	require.Equal(t, []string{"read viewer x1"}, robot.told("tokens"))
	require.Equal(t, s.second.ID, robot.Sections[0].Rows[0].TokenID)
	require.Equal(t, []string{"wrapped read token/viewer x1", "denied read token/editor x1"}, robot.told("others"))
	root := cli.ask(0, "", "tokens", "--reader", "root", s.log)
	require.Equal(t, []string{"unwrapped viewer x1"}, root.told("tokens"))
	require.Equal(t, s.second.ID, root.Sections[0].Rows[0].TokenID, "joined with the plain read of the same token")
}

func TestAuditAnswersFromAnUntunedLogWithHashesFromVault(t *testing.T) {
	t.Parallel()
	s := recordAuditStory(t, false)
	cli := buildAuditCLI(t, s)
	unanswered := cli.ask(1, "", "readers", "--token-id", s.first.ID, s.log)
	require.Contains(t, strings.Join(unanswered.Notes, "\n"), "--vault")
	requireReaders(t, s, cli, "--vault")
	requireSummary(t, s, cli)
	kim := cli.ask(0, "", "tokens", "--reader", "kim", s.log)
	require.Equal(t, []string{"read viewer x1", "read editor x1"}, kim.told("tokens"))
}

// requireReaders asks for both tokens, by id and by the token itself.
func requireReaders(t *testing.T, s *auditStory, cli auditCLI, flags ...string) {
	t.Helper()
	for _, ask := range []func(token) auditAnswer{
		func(tok token) auditAnswer {
			return cli.ask(0, "", append(append([]string{"readers"}, flags...), "--token-id", tok.ID, s.log)...)
		},
		func(tok token) auditAnswer {
			return cli.ask(0, tok.AccessToken+"\n", append(append([]string{"readers"}, flags...), "--token", "-", s.log)...)
		},
	} {
		first := ask(s.first)
		require.Equal(t, []string{"userpass-kim read viewer x1"}, first.told("readers"))
		require.Equal(t, "itwin-person", first.Sections[0].Rows[0].Policies)
		require.Equal(t, "127.0.0.1", first.Sections[0].Rows[0].Address)
		second := ask(s.second)
		require.Equal(t, []string{"approle ci-build read viewer x1", "root unwrapped viewer x1"}, second.told("readers"))
		require.Equal(t, []string{"root rotated viewer x1", "approle ci-build wrapped viewer x1"}, second.told("origin"))
	}
	never := strings.Repeat("ab", 32)
	require.Empty(t, cli.ask(1, "", append(append([]string{"readers"}, flags...), "--token-id", never, s.log)...).told("readers"))
}

// requireSummary checks all of the story but the moment of its new readers.
func requireSummary(t *testing.T, s *auditStory, cli auditCLI) {
	t.Helper()
	a := cli.ask(0, "", "summary", "--since", s.readsBegan.Format(time.RFC3339Nano), s.log)
	require.ElementsMatch(t, []string{"userpass-kim viewer x1", "userpass-kim editor x1", "approle ci-build viewer x1"}, a.told("reads"))
	require.Equal(t, []string{"userpass-kim x1", "approle ci-build x1", "root x1"}, a.told("new_readers"))
	denied, nobody := a.told("denied"), "(nobody: no valid Vault token) read token "
	require.Equal(t, "approle ci-build read token/editor x1", denied[0])
	// One came without a Vault token, one with a wrong one. Vault before 1.19 logs the same of both.
	require.Contains(t, [][]string{{nobody + "x1", nobody + "x1"}, {nobody + "x2"}}, denied[1:])
	require.Equal(t, []string{"root read token/missing x1"}, a.told("failed"))
	require.Equal(t, []string{
		"root rotated update rotate/viewer x1", "root config changed update config x1", "root role changed delete role/editor x1",
	}, a.told("changes"))
	require.Equal(t, []string{"approle ci-build wrapped viewer x1", "root unwrapped viewer x1"}, a.told("wrapped"))
}

// TestAuditReadsTwoMillionLinesInConstantMemory repeats a recorded log, each time an hour later.
func TestAuditReadsTwoMillionLinesInConstantMemory(t *testing.T) {
	t.Parallel()
	s := recordAuditStory(t, true)
	cli := buildAuditCLI(t, s)
	short, _ := cli.peakMemory(s.log, 600_000) // where the last of the bounded tables is full
	long, took := cli.peakMemory(s.log, 2_000_000)
	t.Logf("peak of resident memory: %d MiB for 600,000 lines, %d MiB for 2,000,000 in %s", short>>20, long>>20, took.Round(time.Second))
	require.Less(t, long, int64(64<<20), "bytes")
	require.Less(t, long, short*3/2)
}

// peakMemory is the most resident memory, in bytes, that a summary of so many lines took, and how long.
func (c auditCLI) peakMemory(log string, lines int) (int64, time.Duration) {
	c.t.Helper()
	recorded, err := os.ReadFile(log)
	require.NoError(c.t, err)
	cmd := exec.Command(c.binary, "summary", "--since", "876000h", "--format", "json")
	input, err := cmd.StdinPipe()
	require.NoError(c.t, err)
	var answer bytes.Buffer
	cmd.Stdout = &answer
	began := time.Now()
	require.NoError(c.t, cmd.Start())
	require.NoError(c.t, repeat(input, recorded, lines))
	peak := highWater(c.t, cmd.Process.Pid)
	require.NoError(c.t, input.Close())
	require.NoError(c.t, cmd.Wait())
	var counted struct {
		Log struct{ Lines, Damaged int } `json:"log"`
	}
	require.NoError(c.t, json.Unmarshal(answer.Bytes(), &counted))
	require.Equal(c.t, lines, counted.Log.Lines)
	require.Zero(c.t, counted.Log.Damaged)
	return peak, time.Since(began)
}

// highWater is the most memory that a process had resident so far, in bytes. What Wait reports instead would count the
// process that this one was forked from.
func highWater(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("resident memory is read from Linux's /proc:", err)
	}
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	require.True(t, found)
	var kib int64
	_, err = fmt.Sscan(rest, &kib)
	require.NoError(t, err)
	return kib << 10
}

// repeat writes a log over and over until there are so many lines, with new times each time.
func repeat(to io.Writer, recorded []byte, lines int) error {
	day := []byte(time.Now().UTC().Format("2006-01-02T15:"))
	at := time.Now().UTC().AddDate(-5, 0, 0)
	for lines > 0 {
		at = at.Add(time.Hour)
		again := bytes.ReplaceAll(recorded, day, []byte(at.Format("2006-01-02T15:")))
		for lines < bytes.Count(again, []byte("\n")) {
			again = again[:bytes.LastIndexByte(again[:len(again)-1], '\n')+1]
		}
		if _, err := to.Write(again); err != nil {
			return err
		}
		lines -= bytes.Count(again, []byte("\n"))
	}
	return nil
}

func TestAuditLooksAtTheNamedMountsAlone(t *testing.T) {
	t.Parallel()
	s := &auditStory{env: newEnv(t, vaulttest.Options{InMemory: true, LogLevel: "info"})}
	s.log = s.server.Audit(t)
	s.tune()
	s.configure(nil)
	got := s.mustToken(mount + "/token")
	cli := buildAuditCLI(t, s)
	found := cli.ask(0, "", "readers", "--mount", mount, "--token-id", got.ID, s.log)
	require.Equal(t, []string{"root read (default) x1"}, found.told("readers"))
	elsewhere := cli.ask(1, "", "readers", "--mount", "elsewhere", "--token-id", got.ID, s.log)
	require.Empty(t, elsewhere.told("readers"))
	require.Equal(t, []string{"The log has no entry for elsewhere/. Other mounts of the plugin in this log: " + mount + "/"}, elsewhere.Notes)
	within := cli.ask(1, "", "summary", "--mount", mount+"/token", s.log)
	require.Equal(t, []string{
		"The log has no entry for " + mount + "/token/. Other mounts of the plugin in this log: " + mount + "/",
	}, within.Notes)
}

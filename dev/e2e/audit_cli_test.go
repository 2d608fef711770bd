package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vault-plugin-secrets-itwin/dev/emulator"
)

// auditCLI is the command under test.
type auditCLI struct {
	t      *testing.T
	binary string
	env    []string // of the Vault that --vault asks
}

func buildAuditCLI(t *testing.T) auditCLI {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "itwin-audit")
	build := exec.Command("go", "build", "-o", binary, "./cmd/itwin-audit")
	build.Dir = repositoryPath
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	return auditCLI{t: t, binary: binary}
}

// auditAnswer is what the tests look at of an answer in JSON.
type auditAnswer struct {
	Sections []struct {
		Name string `json:"name"`
		Rows []struct {
			Kind, Role, Reader, Policies, Address, Path, Operation string
			TokenID                                                string `json:"token_id"`
			Count                                                  int
		} `json:"rows"`
	} `json:"sections"`
}

// told returns the rows of a section in short.
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

// ask runs a command, which has to end with the code.
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

// TestAuditAnswersFromTheLogOfARealVault uses one Vault for all parts, with a mount for each.
func TestAuditAnswersFromTheLogOfARealVault(t *testing.T) {
	t.Parallel()
	s, cli := newAuditStory(t), buildAuditCLI(t)
	s.requireStory(cli)
	for _, o := range s.openings() {
		s.requireOpener(cli, o)
	}
	s.requireOutage(cli)
}

// requireStory asks what a security team asks, of reads of each kind.
func (s *auditStory) requireStory(cli auditCLI) {
	s.t.Helper()
	path := s.prepare()
	first, second, began := s.play(path)

	for _, known := range [][]string{{"", "--token-id", first.ID}, {first.AccessToken + "\n", "--token", "-"}} {
		readers := cli.ask(0, known[0], "readers", known[1], known[2], s.log)
		require.Equal(s.t, []string{"userpass-kim read viewer x1"}, readers.told("readers"))
		require.Equal(s.t, "itwin-person", readers.Sections[0].Rows[0].Policies)
		require.Equal(s.t, "127.0.0.1", readers.Sections[0].Rows[0].Address)
	}
	readers := cli.ask(0, "", "readers", "--token-id", second.ID, s.log)
	require.Equal(s.t, []string{"approle ci-build read viewer x1", "root unwrapped viewer x1"}, readers.told("readers"))
	require.Equal(s.t, []string{"root rotated viewer x1", "approle ci-build wrapped viewer x1"}, readers.told("origin"))
	cli.ask(1, "", "readers", "--token-id", strings.Repeat("ab", 32), s.log)

	robot := cli.ask(0, "", "tokens", "--reader", "ci-build", s.log)
	require.Equal(s.t, []string{"read viewer x1"}, robot.told("tokens"))
	require.Equal(s.t, second.ID, robot.Sections[0].Rows[0].TokenID)
	require.Equal(s.t, []string{"wrapped read token/viewer x1", "denied read token/editor x1"}, robot.told("others"))
	root := cli.ask(0, "", "tokens", "--reader", "root", s.log)
	require.Equal(s.t, []string{"unwrapped viewer x1"}, root.told("tokens"))
	require.Equal(s.t, second.ID, root.Sections[0].Rows[0].TokenID, "joined with the plain read of the same token")

	a := cli.ask(0, "", "summary", "--since", began.Format(time.RFC3339Nano), s.log)
	require.ElementsMatch(s.t, []string{"userpass-kim viewer x1", "userpass-kim editor x1", "approle ci-build viewer x1"}, a.told("reads"))
	require.Equal(s.t, []string{"userpass-kim x1", "approle ci-build x1", "root x1"}, a.told("new_readers"))
	require.Equal(s.t, []string{"root read token/missing x1"}, a.told("failed"))
	require.Equal(s.t, []string{
		"root rotated update rotate/viewer x1", "root config changed update config x1", "root role changed delete role/editor x1",
	}, a.told("changes"))
	require.Equal(s.t, []string{"approle ci-build wrapped viewer x1", "root unwrapped viewer x1"}, a.told("wrapped"))
	denied, nobody := a.told("denied"), "(nobody: no valid Vault token) read token "
	require.Equal(s.t, "approle ci-build read token/editor x1", denied[0])
	// One came without a Vault token, one with a wrong one. Vault before 1.19 logs the same of both.
	require.Contains(s.t, [][]string{{nobody + "x1", nobody + "x1"}, {nobody + "x2"}}, denied[1:])
}

// requireOpener asks who got the token that the robot had put into a wrapping.
func (s *auditStory) requireOpener(cli auditCLI, o opening) {
	s.t.Helper()
	path := s.prepare()
	got := s.readAs(s.person, path+"/token/viewer")
	wrapped, err := s.into(s.robot).Logical().Read(path + "/token/viewer")
	require.NoError(s.t, err)
	require.Contains(s.t, o.open(wrapped.WrapInfo.Token), got.AccessToken)
	readers := cli.ask(0, "", "readers", "--mount", path, "--token-id", got.ID, s.log)
	require.Equal(s.t, append([]string{"userpass-kim read viewer x1"}, o.readers...), readers.told("readers"))
	require.Equal(s.t, append([]string{}, o.maybe...), readers.told("maybe"))
}

// requireOutage has readers fail and an administrator rotate while IMS is down, first behind a gateway's page and then
// with a connection that breaks. Each error has times and a correlation id of its own.
func (s *auditStory) requireOutage(cli auditCLI) {
	s.t.Helper()
	path := s.prepare()
	for _, fault := range []emulator.Fault{{Status: http.StatusServiceUnavailable}, {DropConnection: true}} {
		s.ims.Fault(fault)
		for range 4 {
			_, err := s.root.Logical().Write(path+"/rotate/viewer", nil)
			require.Error(s.t, err)
			_, err = s.person.Logical().Read(path + "/token/viewer")
			require.Error(s.t, err)
			_, err = s.robot.Logical().Read(path + "/token/viewer")
			require.Error(s.t, err)
		}
		s.ims.Heal()
	}
	require.Equal(s.t, []string{"x12", "x12"}, cli.ask(0, "", "summary", "--mount", path, s.log).told("failed"))
}

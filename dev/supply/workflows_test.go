package supply

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// workflow is what these tests read of a file in .github/workflows.
type workflow struct {
	text        string
	On          map[string]any
	Permissions map[string]string
	Concurrency map[string]any
	Jobs        map[string]job
}

type job struct {
	Uses        string
	Needs       string
	Permissions map[string]string
	Timeout     int `yaml:"timeout-minutes"`
	Steps       []step
}

type step struct {
	Uses, Run, If string
	With          map[string]any
	Env           map[string]string
}

// workflows are all of them, by the names of their files.
func workflows(t *testing.T) map[string]workflow {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	all := make(map[string]workflow)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		w := workflow{text: string(text)}
		require.NoError(t, yaml.Unmarshal(text, &w), path)
		require.NotEmpty(t, w.Jobs, path)
		all[filepath.Base(path)] = w
	}
	return all
}

// runs are the commands of a workflow's steps, or of one job's.
func (w workflow) runs(jobs ...string) []string {
	var runs []string
	for name, j := range w.Jobs {
		for _, s := range j.Steps {
			if s.Run != "" && (len(jobs) == 0 || slices.Contains(jobs, name)) {
				runs = append(runs, s.Run)
			}
		}
	}
	return runs
}

// targets are the commands that `make help` lists.
func targets(t *testing.T) []string {
	t.Helper()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^([a-z0-9]+):.*## `).FindAllStringSubmatch(string(makefile), -1) {
		names = append(names, match[1])
	}
	return names
}

func TestWorkflowsRunWhatDevelopersRun(t *testing.T) {
	t.Parallel()
	known := targets(t)
	// Variables come from the environment, in quotes, or are written out: nothing that a stranger names is run.
	command := regexp.MustCompile(`^make ([a-z0-9]+)(?: [A-Z_]+=(?:"\$[A-Z_]+"|[a-z0-9.]+))*$`)
	for name, w := range workflows(t) {
		for _, run := range w.runs() {
			parts := command.FindStringSubmatch(run)
			require.NotNil(t, parts, "%s runs more than a target of the Makefile: %s", name, run)
			require.Contains(t, known, parts[1], name)
		}
	}
}

// A commit's hash names the same code for ever. The version beside it is for people, and for Dependabot.
func TestActionsArePinnedByCommit(t *testing.T) {
	t.Parallel()
	pinned := regexp.MustCompile(`^[a-z0-9-]+/[a-z0-9-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	pins := make(map[string]string)
	for name, w := range workflows(t) {
		for line := range strings.Lines(w.text) {
			_, action, found := strings.Cut(strings.TrimSpace(line), "uses: ")
			if !found {
				continue
			}
			if local, ok := strings.CutPrefix(action, "./"); ok {
				require.FileExists(t, filepath.Join(root, local), name)
				continue
			}
			require.Regexp(t, pinned, action, name)
			repository, pin, _ := strings.Cut(action, "@")
			require.Equal(t, pin, first(pins, repository, pin), "%s is pinned twice", repository)
		}
	}
	require.NotEmpty(t, pins)
}

// first remembers the first value for a key, and returns it.
func first(values map[string]string, key, value string) string {
	if _, ok := values[key]; !ok {
		values[key] = value
	}
	return values[key]
}

func TestWorkflowsMayReadAndNoMore(t *testing.T) {
	t.Parallel()
	for name, w := range workflows(t) {
		require.Equal(t, map[string]string{"contents": "read"}, w.Permissions, name)
		require.NotEmpty(t, w.Concurrency["group"], name)
		require.NotContains(t, w.text, "secrets.", name)
		// Both run with what a stranger sent and with this repository's rights.
		require.NotContains(t, w.On, "pull_request_target", name)
		require.NotContains(t, w.On, "workflow_run", name)
		for title, j := range w.Jobs {
			if name == "release.yml" && title == "draft" {
				require.Equal(t, map[string]string{"contents": "write"}, j.Permissions)
			} else {
				require.Nil(t, j.Permissions, "%s: %s", name, title)
			}
			require.True(t, j.Uses != "" || j.Timeout > 0, "%s: %s may run for ever", name, title)
			requireCarefulSteps(t, j, name)
		}
	}
}

func requireCarefulSteps(t *testing.T, j job, name string) {
	t.Helper()
	for _, s := range j.Steps {
		if strings.HasPrefix(s.Uses, "actions/checkout@") {
			require.Equal(t, false, s.With["persist-credentials"], "%s leaves its token in the checkout", name)
		}
		for variable, value := range s.Env {
			require.True(t, strings.HasPrefix(s.Run, "make publish ") && variable == "GH_TOKEN" && value == "${{ github.token }}",
				"%s: %s=%s for %q", name, variable, value, s.Run)
		}
	}
	if j.Permissions != nil {
		for _, s := range j.Steps {
			if strings.HasPrefix(s.Uses, "actions/setup-go@") {
				require.Equal(t, false, s.With["cache"], "%s takes what another run left behind", name)
			}
			require.NotContains(t, s.Uses, "actions/cache@", name)
		}
	}
}

// go.mod names a release's first patch, and setup-go would take it at its word.
func TestWorkflowsTakeTheNewestPatchOfTheModulesGo(t *testing.T) {
	t.Parallel()
	module, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	language := regexp.MustCompile(`(?m)^go (\d+\.\d+)\.\d+$`).FindStringSubmatch(string(module))
	require.NotNil(t, language)
	for name, w := range workflows(t) {
		for _, j := range w.Jobs {
			for _, s := range j.Steps {
				if strings.HasPrefix(s.Uses, "actions/setup-go@") {
					require.Equal(t, language[1]+".x", s.With["go-version"], name)
					require.Equal(t, true, s.With["check-latest"], name)
				}
			}
		}
	}
}

func TestEveryChangeIsTested(t *testing.T) {
	t.Parallel()
	w := workflows(t)["test.yml"]
	require.Contains(t, w.On, "pull_request")
	require.Nil(t, w.On["pull_request"], "of some only")
	require.Contains(t, w.On, "push")
	require.Equal(t, []string{"make test"}, w.runs())
}

func TestATagIsTestedAndBecomesADraft(t *testing.T) {
	t.Parallel()
	w := workflows(t)["release.yml"]
	require.Equal(t, []string{"push"}, keys(w.On))
	require.Equal(t, []string{"tags"}, keys(w.On["push"].(map[string]any)))
	require.Equal(t, "./.github/workflows/test.yml", w.Jobs["test"].Uses)
	require.Equal(t, "test", w.Jobs["draft"].Needs)
	require.Equal(t, []string{`make release VERSION="$GITHUB_REF_NAME"`, `make publish VERSION="$GITHUB_REF_NAME"`}, w.runs("draft"))
	for _, s := range w.Jobs["draft"].Steps {
		require.Empty(t, s.If, "what fails ends it")
	}
}

func TestWhatTakesLongIsCheckedBySchedule(t *testing.T) {
	t.Parallel()
	w := workflows(t)["scheduled.yml"]
	require.NotEmpty(t, w.On["schedule"])
	require.Contains(t, w.On, "workflow_dispatch")
	for _, target := range []string{"vuln", "repro", "compat", "kubernetes", "fuzz", "soak"} {
		require.Regexp(t, `(?m)^make `+target+`( |$)`, strings.Join(w.runs(), "\n"))
	}
	var seen bool
	for _, s := range w.Jobs["checks"].Steps {
		require.True(t, s.Run == "" || !seen || s.If == "${{ !cancelled() }}", "%s waits for those before it to succeed", s.Run)
		seen = seen || s.Run != ""
	}
}

func keys(of map[string]any) []string {
	var names []string
	for name := range of {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

package release

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// What is released, by the names of the folders in cmd/.
const (
	pluginName = "vault-plugin-secrets-itwin"
	auditName  = "itwin-audit"
)

// buildsAtOnce keeps the linkers, which are what takes the time, within the memory of a small machine.
const buildsAtOnce = 2

// binary is a program, built for a platform.
type binary struct {
	program  string
	platform Platform
	path     string
	info     *debug.BuildInfo
}

// compile builds the programs for each platform.
func (r run) compile(ctx context.Context) ([]binary, error) {
	built := make([][]binary, len(r.platforms))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(buildsAtOnce)
	for i, p := range r.platforms {
		group.Go(func() (err error) {
			built[i], err = r.compileFor(ctx, p)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(built...), nil
}

func (r run) compileFor(ctx context.Context, p Platform) ([]binary, error) {
	dir := filepath.Join(r.work, "bin", p.OS+"_"+p.Arch)
	plugin, audit := filepath.Join(dir, p.file(pluginName)), filepath.Join(dir, p.file(auditName))
	build := exec.CommandContext(ctx, "make", "-C", r.Root, "--no-print-directory", "build",
		"VERSION="+r.Version, "PLUGIN="+plugin, "AUDIT="+audit)
	build.Env = append(withoutMake(os.Environ()), "GOOS="+p.OS, "GOARCH="+p.Arch)
	// make ends what it has started when it is asked to, and not when it is killed.
	build.Cancel = func() error { return build.Process.Signal(syscall.SIGTERM) }
	build.WaitDelay = 10 * time.Second
	if _, err := output(build); err != nil {
		return nil, fmt.Errorf("building for %s: %w", p, err)
	}
	built := []binary{{program: pluginName, platform: p, path: plugin}, {program: auditName, platform: p, path: audit}}
	for i := range built {
		if err := built[i].read(); err != nil {
			return nil, err
		}
	}
	return built, nil
}

// withoutMake leaves out what an outer make tells an inner one: its jobs, and variables of the same names.
func withoutMake(environment []string) []string {
	return slices.DeleteFunc(environment, func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains([]string{"MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "MFLAGS"}, name)
	})
}

// read reads what Go recorded in the binary.
func (b *binary) read() (err error) {
	b.info, err = buildinfo.ReadFile(b.path)
	if err == nil {
		err = checkSettings(b.platform, b.info.Settings)
	}
	if err != nil {
		return fmt.Errorf("reading how %s was built for %s: %w", b.program, b.platform, err)
	}
	return nil
}

// checkSettings finds what the developer's environment, or `go env -w`, has put into a build: each setting is either
// the release's or not there.
func checkSettings(p Platform, settings []debug.BuildSetting) error {
	level, value := p.level()
	want := map[string]string{
		"CGO_ENABLED": "0", "GOOS": p.OS, "GOARCH": p.Arch, level: value,
		"-buildmode": "exe", "-compiler": "gc", "-trimpath": "true",
	}
	for _, s := range settings {
		// It follows from go.mod and the Go release.
		if s.Key == "DefaultGODEBUG" {
			continue
		}
		if s.Value != want[s.Key] {
			return fmt.Errorf("built with %s=%s, which releases aren't: see `go env %[1]s`", s.Key, s.Value)
		}
		delete(want, s.Key)
	}
	for key, value := range want {
		return fmt.Errorf("built without %s=%s: see `build` in the Makefile", key, value)
	}
	return nil
}

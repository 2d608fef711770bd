package release

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// gpg signs as HashiCorp signs its own sums.
type gpg struct{ fingerprint string }

func newGPG(ctx context.Context, key string) (gpg, error) {
	listed, err := output(exec.CommandContext(ctx, "gpg", "--batch", "--with-colons", "--list-secret-keys", "--", key))
	if err != nil {
		return gpg{}, fmt.Errorf("looking for the key, one of those that `gpg --list-secret-keys` lists: %w", err)
	}
	for line := range strings.Lines(listed) {
		if fields := strings.Split(line, ":"); fields[0] == "fpr" && len(fields) > 9 {
			return gpg{fingerprint: fields[9]}, nil
		}
	}
	return gpg{}, errors.New("gpg lists the key without a fingerprint")
}

func (g gpg) sign(ctx context.Context, file, _ string) error {
	_, err := output(exec.CommandContext(ctx, "gpg", "--batch", "--armor", "--detach-sign", "--local-user", g.fingerprint,
		"--output", file+".asc", file))
	return err
}

func (g gpg) advice() string {
	return fmt.Sprintf("`%s` is signed with the OpenPGP key %s. With that key in your keyring:\n\n"+
		"    gpg --verify %[1]s.asc %[1]s\n", sumsFile, g.fingerprint)
}

package release

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
)

// signer signs the sums, and so all that they are of.
type signer interface {
	// sign puts a signature beside the file. work is a folder for what it needs meanwhile.
	sign(ctx context.Context, file, work string) error
	// advice tells those who download how to check it, in Markdown.
	advice() string
}

// signers finds out, before minutes of building, whether the keys are there.
func (o Options) signers(ctx context.Context) ([]signer, error) {
	var all []signer
	if o.GPGKey != "" {
		s, err := newGPG(ctx, o.GPGKey)
		if err != nil {
			return nil, fmt.Errorf("signing with GPG_KEY=%s: %w", o.GPGKey, missing(err, "gpg (Debian's package is called gnupg)"))
		}
		all = append(all, s)
	}
	if o.CosignKey != "" {
		s, err := newCosign(ctx, o.CosignKey)
		if err != nil {
			return nil, fmt.Errorf("signing with COSIGN_KEY=%s: %w", o.CosignKey, missing(err, "cosign 3"))
		}
		all = append(all, s)
	}
	return all, nil
}

// missing tells what to install if that's what is wrong.
func missing(err error, program string) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w: install %s", err, program)
	}
	return err
}

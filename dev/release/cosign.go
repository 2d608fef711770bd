package release

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// noServices keeps cosign from telling public services of the signature: who has the key's public half needs none.
const noServices = `{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","rekorTlogConfig":{},"tsaConfig":{}}`

// cosign signs with a key of its own, a file or one in a key management service.
type cosign struct{ key string }

func newCosign(ctx context.Context, key string) (cosign, error) {
	if _, err := output(exec.CommandContext(ctx, "cosign", "public-key", "--key", key)); err != nil {
		return cosign{}, fmt.Errorf("opening the key, whose password COSIGN_PASSWORD holds: %w", err)
	}
	return cosign{key: key}, nil
}

func (c cosign) sign(ctx context.Context, file, work string) error {
	services := filepath.Join(work, "services.json")
	if err := os.WriteFile(services, []byte(noServices), 0o600); err != nil {
		return err
	}
	_, err := output(exec.CommandContext(ctx, "cosign", "sign-blob", "--yes", "--key", c.key, "--signing-config", services,
		"--bundle", file+".sigstore.json", file))
	return err
}

func (cosign) advice() string {
	return fmt.Sprintf("`%s` is signed with cosign. With the public key in `cosign.pub`:\n\n"+
		"    cosign verify-blob --key cosign.pub --insecure-ignore-tlog --bundle %[1]s.sigstore.json %[1]s\n", sumsFile)
}

// Command itwin calls the iTwin Platform with tokens from Vault and prints the e-mail address to invite to an iTwin.
// VAULT_ADDR and VAULT_TOKEN name the Vault server and token, and ITWIN_API_URL the Platform.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/hashicorp/vault/api"
	"golang.org/x/oauth2"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	vault, err := api.NewClient(nil) // takes VAULT_ADDR, VAULT_TOKEN and the rest from the environment
	if err != nil {
		return fmt.Errorf("setting up the Vault client: %w", err)
	}
	// The client adds the token to each request, and reads a new one when Vault has it.
	itwin := oauth2.NewClient(ctx, &TokenSource{Vault: vault, Path: "itwin/token/viewer"})
	email, err := whoAmI(ctx, itwin, cmp.Or(os.Getenv("ITWIN_API_URL"), "https://api.bentley.com"))
	if err != nil {
		return err
	}
	fmt.Println(email)
	return nil
}

func whoAmI(ctx context.Context, client *http.Client, baseURL string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, baseURL+"/users/me", http.NoBody)
	if err != nil {
		return "", fmt.Errorf("addressing the iTwin Platform: %w", err)
	}
	req.Header.Set("Accept", "application/vnd.bentley.itwin-platform.v1+json")
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("calling the iTwin Platform: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the iTwin Platform answered %s", resp.Status)
	}
	var answer struct{ User struct{ Email string } }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return "", fmt.Errorf("reading the iTwin Platform's answer: %w", err)
	}
	return answer.User.Email, nil
}

import { tokenFile, VaultAuthorizationClient } from "vault-itwin-authorization";

export const authorizationClient = new VaultAuthorizationClient({
  path: "itwin/token/viewer",
  auth: tokenFile("vault-token"),
  logger: console,
});

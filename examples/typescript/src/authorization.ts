import { VaultAuthorizationClient } from "vault-itwin-authorization";

export const authorizationClient = new VaultAuthorizationClient({
  path: "itwin/token/viewer",
  logger: console,
});

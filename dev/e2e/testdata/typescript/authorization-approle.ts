import { appRole, VaultAuthorizationClient } from "vault-itwin-authorization";

export const authorizationClient = new VaultAuthorizationClient({
  path: "itwin/token/viewer",
  auth: appRole({ roleId: { file: "role-id" }, secretId: { file: "secret-id" } }),
  logger: console,
});

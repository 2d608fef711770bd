export { type AppRoleOptions, appRole, type KubernetesOptions, kubernetes, type LoginOptions, login } from "./login.js";
export { type Credential, environment, tokenFile, type VaultAuth } from "./vault-auth.js";
export {
  type GetAccessTokenOptions,
  type Logger,
  VaultAuthorizationClient,
  type VaultAuthorizationClientOptions,
} from "./vault-authorization-client.js";
export { VaultError } from "./vault-error.js";
export type { VaultOptions } from "./vault-options.js";

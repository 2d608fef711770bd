// A certified OpenID provider that replaces IMS, with one client. It prints its issuer and serves until it is killed.
// Usage: provider.mjs <client id> <client secret> <token_endpoint_auth_method> <the client's scopes>
// It refuses the scope "enterprise", which isn't the client's, and ignores scopes that it doesn't know.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [clientId, clientSecret, authMethod, scope] = process.argv.slice(2);
const platform = "urn:itwin-platform";
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{
    client_id: clientId,
    client_secret: clientSecret,
    token_endpoint_auth_method: authMethod,
    scope,
    grant_types: ["client_credentials"],
    redirect_uris: [],
    response_types: [],
  }],
  scopes: [...scope.split(" "), "enterprise"],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "first" }] },
  routes: { token: "/connect/token", jwks: "/.well-known/openid-configuration/jwks" },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    // Only for a resource does it make an access token a JWT (RFC 8707, RFC 9068).
    resourceIndicators: {
      enabled: true,
      defaultResource: () => platform,
      getResourceServerInfo: () => ({
        scope, audience: platform, accessTokenTTL: 3600, accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
});
server.on("request", provider.callback());
console.log(issuer);

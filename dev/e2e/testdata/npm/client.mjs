// Bentley's own client: it gets a token, has it introspected and prints both as one line of JSON.
// Usage: client.mjs <authority> <client id> <client secret> <scope>
import { IntrospectionClient, ServiceAuthorizationClient } from "@itwin/service-authorization";

const [authority, clientId, clientSecret, scope] = process.argv.slice(2);
const client = new ServiceAuthorizationClient({ authority, clientId, clientSecret, scope });
const token = await client.getAccessToken();
const introspected = await new IntrospectionClient({ issuerUrl: authority }).introspect(token);
console.log(JSON.stringify({ token, authorized: client.isAuthorized, introspected }));

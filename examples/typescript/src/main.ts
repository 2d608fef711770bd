// Prints the iTwins and iModels that the service app is a member of. VAULT_ADDR and VAULT_TOKEN name the server and
// the Vault token.
import { IModelsClient } from "@itwin/imodels-client-management";
import { ITwinsAccessClient } from "@itwin/itwins-client";
import { authorizationClient } from "./authorization.js";

const api = process.env.ITWIN_API_URL ?? "https://api.bentley.com";
const iTwins = new ITwinsAccessClient(`${api}/itwins`);
const iModels = new IModelsClient({ api: { baseUrl: `${api}/imodels` } });

const { data, error } = await iTwins.queryAsync(await authorizationClient.getAccessToken());
if (!data) throw new Error(`listing iTwins: ${error?.code}`);

for (const { id, displayName } of data) {
  console.log(displayName);
  const authorization = async () => {
    const [scheme, token] = (await authorizationClient.getAccessToken()).split(" ");
    return { scheme: scheme!, token: token! };
  };
  for await (const { displayName: name } of iModels.iModels.getMinimalList({ authorization, urlParams: { iTwinId: id! } }))
    console.log(`  ${name}`);
}

// A backend that calls the Platform without end, by several workers, and prints what became of each call.
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { IModelsClient } from "@itwin/imodels-client-management";
import { ITwinsAccessClient } from "@itwin/itwins-client";
import { appRole, tokenFile, VaultAuthorizationClient } from "vault-itwin-authorization";

const authorizationClient = new VaultAuthorizationClient({
  path: "itwin/token/viewer",
  auth:
    process.argv[2] === "agent"
      ? tokenFile("vault-token")
      : appRole({ roleId: { file: "role-id" }, secretId: { file: "secret-id" } }),
  logger: console,
});

const api = process.env.ITWIN_API_URL;
const iTwins = new ITwinsAccessClient(`${api}/itwins`);
const iModels = new IModelsClient({ api: { baseUrl: `${api}/imodels` } });

async function listITwins(accessToken: string): Promise<void> {
  const { data, error } = await iTwins.queryAsync(accessToken);
  if (!data) throw new Error(`listing iTwins: ${JSON.stringify(error)}`);
}

async function listIModels(accessToken: string): Promise<void> {
  const [scheme = "", token = ""] = accessToken.split(" ");
  const authorization = async () => ({ scheme, token });
  const urlParams = { iTwinId: process.env.ITWIN_ID ?? "" };
  for await (const _ of iModels.iModels.getMinimalList({ authorization, urlParams })) return;
  throw new Error("listing iModels: there are none");
}

async function work(call: (accessToken: string) => Promise<void>): Promise<never> {
  for (;;) {
    const began = Date.now();
    let tokenID = "";
    let error = "";
    let waited = 0;
    try {
      const accessToken = await authorizationClient.getAccessToken();
      waited = Date.now() - began;
      tokenID = createHash("sha256").update(accessToken.replace("Bearer ", "")).digest("hex");
      await call(accessToken);
    } catch (err) {
      error = String(err);
    }
    console.log(JSON.stringify({ waited, tokenID, error }));
    await sleep(200);
  }
}

await Promise.all([work(listITwins), work(listITwins), work(listIModels)]);

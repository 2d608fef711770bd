import { ServiceAuthorizationClient } from "@itwin/service-authorization";

export const authorizationClient = new ServiceAuthorizationClient({
  clientId: process.env.ITWIN_CLIENT_ID!,
  clientSecret: process.env.ITWIN_CLIENT_SECRET!,
  scope: "itwin-platform",
  authority: process.env.ITWIN_AUTHORITY!,
});

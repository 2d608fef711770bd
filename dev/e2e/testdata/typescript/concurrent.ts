// Twenty callers ask for a token at the same moment.
import { authorizationClient } from "./authorization.js";

const tokens = await Promise.all(Array.from({ length: 20 }, () => authorizationClient.getAccessToken()));
console.log(new Set(tokens).size);

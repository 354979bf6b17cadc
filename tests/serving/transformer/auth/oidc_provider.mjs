// npm's oidc-provider with one client, on this machine: node oidc_provider.mjs MODULES CONFIG
// CONFIG is JSON: {port, keys, client, resources: {uri: {audience, alg}}}; port 0 takes a free one.
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, text] = process.argv.slice(2);
const config = JSON.parse(text);
const entry = path.join(modules, 'node_modules', 'oidc-provider', 'lib', 'index.js');
const { Provider } = await import(pathToFileURL(entry).href);

const server = http.createServer();
await new Promise((listening) => server.listen(config.port, '127.0.0.1', listening));
const { port } = server.address();

const provider = new Provider(`http://127.0.0.1:${port}`, {
  jwks: { keys: config.keys },
  scopes: ['predict', 'feedback'],
  clients: [{
    ...config.client,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    scope: 'predict feedback',
  }],
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'] },
  ttl: { ClientCredentials: 600 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource) => ({
        scope: 'predict feedback',
        audience: config.resources[resource].audience,
        accessTokenFormat: config.resources[resource].format ?? 'jwt',
        jwt: { sign: { alg: config.resources[resource].alg } },
      }),
    },
  },
});
server.on('request', provider.callback());
console.log(JSON.stringify({ port }));
process.on('SIGTERM', () => process.exit(0));

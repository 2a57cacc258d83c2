// A certified OpenID provider with clients and users for tests. It is told what it
// is called in ISSUER, how its clients are called back in CALLBACKS, and says on
// standard output where it listens. Anybody can log in: the password is not looked
// at. Keys are made at the start.
import { generateKeyPairSync } from 'node:crypto';
import http from 'node:http';
import Provider from 'oidc-provider';

const callbacks = process.env.CALLBACKS.split(' ');
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: String(Date.now()) };

const client = (id, more = {}) => ({
  client_id: id, client_secret: `${id}-secret-${'x'.repeat(32)}`, redirect_uris: callbacks,
  response_types: ['code'], grant_types: ['authorization_code', 'refresh_token'], ...more,
});

const provider = new Provider(process.env.ISSUER, {
  clients: [
    client('app'), client('other'), client('short'),
    client('post', { token_endpoint_auth_method: 'client_secret_post' }),
  ],
  jwks: { keys: [key] },
  cookies: { keys: ['keys of the cookies of the provider'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], big: ['big'] },
  scopes: ['openid', 'offline_access', 'email', 'profile', 'big'],
  conformIdTokenClaims: false,
  rotateRefreshToken: true,
  pkce: { required: () => true },
  features: { revocation: { enabled: true }, introspection: { enabled: true }, devInteractions: { enabled: true } },
  ttl: {
    AccessToken: (ctx, token, c) => (c.clientId === 'short' ? 3 : 3600),
    IdToken: (ctx, token, c) => (c.clientId === 'short' ? 20 : 3600),
    AuthorizationCode: 60, RefreshToken: 3600, Session: 3600, Grant: 3600, Interaction: 600,
  },
  findAccount: async (ctx, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, email: `${id}@example.org`, email_verified: true, name: `Jöhn ${id}`, big: 'b'.repeat(5000) }),
  }),
});

provider.on('server_error', (ctx, err) => console.error(err));
for (const event of ['authorization.error', 'grant.error', 'userinfo.error', 'revocation.error']) {
  provider.on(event, (ctx, err) => console.error(event, err.message, err.error_description ?? '', err.error_detail ?? ''));
}

const server = http.createServer(provider.callback());
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.resume(); // it ends with who started it
process.stdin.on('end', () => process.exit(0));

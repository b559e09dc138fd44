// An OpenID provider that nobody here wrote (npm oidc-provider), over TLS, with the people of an example.
//
//   provider.js PORT CERTIFICATE_FILE KEY_FILE
//
// A client `sigstore` without a secret, as interactive Sigstore clients are: authorization code with PKCE. Signing in is the package's
// own development form, any password. The tokens have the addresses; whether one is verified is in the table.
const fs = require('fs');
const https = require('https');
const { Provider } = require('oidc-provider');

const VERIFIED = { alice: true, mallory: false };

async function main([port, certificate, key]) {
  const issuer = `https://localhost:${port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'sigstore',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      redirect_uris: ['http://localhost/auth/callback'],
    }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false, // the address is in the ID token, where Sigstore looks for it
    ttl: { IdToken: 300 },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: `id-of-${id}`, email: `${id}@example.com`, email_verified: VERIFIED[id] }),
    }),
  });
  https.createServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) }, provider.callback())
    .listen(Number(port), '127.0.0.1', () => console.log('ready'));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

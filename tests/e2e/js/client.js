// A client made of @sigstore/sign and @sigstore/verify: gets a certificate, signs, and verifies what it got.
//
//   client.js FULCIO_URL TOKEN_FILE TRUSTED_ROOT_FILE SAN ISSUER
//
// Chancery has no Rekor and no timestamp authority, and Verifier.verify() cannot do without a time from one of them.
// So its own parts are called with the present as that time: certificate chain, SCT (ctlogThreshold 1), signature, policy.
const fs = require('fs');
const { FulcioSigner, MessageSignatureBundleBuilder } = require('@sigstore/sign');
const { Verifier, toSignedEntity, toTrustMaterial } = require('@sigstore/verify');
const { TrustedRoot } = require('@sigstore/protobuf-specs');

async function main([fulcioBaseURL, tokenFile, rootFile, san, issuer]) {
  const token = fs.readFileSync(tokenFile, 'utf8');
  const identityProvider = { getToken: async () => token };
  const signer = new FulcioSigner({ fulcioBaseURL, identityProvider, timeout: 10000 });
  const data = Buffer.from('what is signed\n');
  const bundle = await new MessageSignatureBundleBuilder({ signer, witnesses: [] }).create({ data });

  const root = TrustedRoot.fromJSON(JSON.parse(fs.readFileSync(rootFile, 'utf8')));
  const policy = { subjectAlternativeName: san, extensions: { issuer } };
  verify(toSignedEntity(bundle, data), root, policy, new Date());

  const refused = (what, check) => {
    try {
      check();
    } catch (error) {
      console.log(`${what}: ${error.code}`);
      return;
    }
    throw new Error(`accepted ${what}`);
  };
  const entity = () => toSignedEntity(bundle, data);
  refused('an expired certificate', () => verify(entity(), root, policy, new Date(Date.now() + 601000)));
  refused('another subject', () => verify(entity(), root, { subjectAlternativeName: 'https://evil.example' }, new Date()));
  refused('other data', () => verify(toSignedEntity(bundle, Buffer.from('x')), root, policy, new Date()));
  refused('a log that is not in the root', () => verify(entity(), { ...root, ctlogs: [] }, policy, new Date()));
  console.log('verified');
}

function verify(entity, root, policy, time) {
  const verifier = new Verifier(toTrustMaterial(root), { ctlogThreshold: 1, tlogThreshold: 0, timestampThreshold: 0 });
  const signer = verifier.verifySigningKey(entity, [time]);
  verifier.verifyTLogs(entity);
  verifier.verifySignature(entity, signer);
  verifier.verifyPolicy(policy, signer.identity);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

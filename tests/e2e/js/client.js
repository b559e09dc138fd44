// A client made of @sigstore/sign and @sigstore/verify: gets a certificate, signs, has it stamped, and verifies what it got.
//
//   client.js FULCIO_URL TOKEN_FILE TRUSTED_ROOT_FILE SAN ISSUER TSA_URL
//
// There is no Rekor: tlogThreshold is 0. The stamp is the time of signing.
const fs = require('fs');
const { FulcioSigner, MessageSignatureBundleBuilder, TSAWitness } = require('@sigstore/sign');
const { Verifier, toSignedEntity, toTrustMaterial } = require('@sigstore/verify');
const { TrustedRoot } = require('@sigstore/protobuf-specs');

async function main([fulcioBaseURL, tokenFile, rootFile, san, issuer, tsaBaseURL]) {
  const token = fs.readFileSync(tokenFile, 'utf8');
  const identityProvider = { getToken: async () => token };
  const signer = new FulcioSigner({ fulcioBaseURL, identityProvider, timeout: 10000 });
  const witness = new TSAWitness({ tsaBaseURL, timeout: 10000 });
  const data = Buffer.from('what is signed\n');
  const stamped = await new MessageSignatureBundleBuilder({ signer, witnesses: [witness] }).create({ data });
  const bare = await new MessageSignatureBundleBuilder({ signer, witnesses: [] }).create({ data });

  const root = TrustedRoot.fromJSON(JSON.parse(fs.readFileSync(rootFile, 'utf8')));
  const policy = { subjectAlternativeName: san, extensions: { issuer } };
  verify(toSignedEntity(stamped, data), root, policy);

  const refused = (what, check) => {
    try {
      check();
    } catch (error) {
      console.log(`${what}: ${error.code}`);
      return;
    }
    throw new Error(`accepted ${what}`);
  };
  const entity = () => toSignedEntity(stamped, data);
  refused('no stamp', () => verify(toSignedEntity(bare, data), root, policy));
  refused('another subject', () => verify(entity(), root, { subjectAlternativeName: 'https://evil.example' }));
  refused('other data', () => verify(toSignedEntity(stamped, Buffer.from('x')), root, policy));
  refused('a log that is not in the root', () => verify(entity(), { ...root, ctlogs: [] }, policy));
  refused('a timestamp authority that is not in the root', () => verify(entity(), { ...root, timestampAuthorities: [] }, policy));
  // The certificate's chain at another time than the stamp's, by the verifier's own parts.
  refused('an expired certificate', () =>
    verifier(root).verifySigningKey(entity(), [new Date(Date.now() + 601000)]));
  console.log('verified');
}

function verifier(root) {
  return new Verifier(toTrustMaterial(root), { ctlogThreshold: 1, tlogThreshold: 0, timestampThreshold: 1 });
}

function verify(entity, root, policy) {
  verifier(root).verify(entity, policy);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

// Google's own clients against the fake cloud: each prints what it saw as one line of JSON.
// Arguments: which ("run", "storage" or "secrets"), folder of the package, address of the fake.
const [which, folder, address] = process.argv.slice(2);
const url = new URL(address);

function generated() {
  const {GoogleAuth} = require(require.resolve('google-gax', {paths: [folder]})); // its own copy: another one is not accepted
  const {OAuth2Client} = require(require.resolve('google-auth-library', {paths: [require.resolve('google-gax', {paths: [folder]})]}));
  const authClient = new OAuth2Client();
  authClient.setCredentials({access_token: process.env.TOKEN, expiry_date: Date.now() + 3600e3});
  const auth = new GoogleAuth({authClient});
  return {fallback: true, protocol: 'http', apiEndpoint: url.hostname, port: Number(url.port), auth};
}

async function run() {
  const {ServicesClient, RevisionsClient} = require(folder);
  const options = generated();
  const services = new ServicesClient(options), revisions = new RevisionsClient(options);
  const name = 'projects/demo/locations/europe-west1/services/svc';
  const [before] = await services.getService({name});
  const [operation] = await services.updateService({
    service: {name, etag: before.etag, scaling: {scalingMode: 'MANUAL', manualInstanceCount: 1}, template: {...before.template, containers: [{...before.template.containers[0], image: 'img:2'}]}},
    updateMask: {paths: ['scaling', 'template']},
  });
  const [updated] = await operation.promise();
  const [after] = await services.getService({name});
  let stale = 'accepted';
  try {
    await services.updateService({service: {name, etag: before.etag, scaling: {minInstanceCount: 2}}, updateMask: {paths: ['scaling']}});
  } catch (e) {
    stale = `${e.code} ${e.message}`;
  }
  let missing = 'found';
  try {
    await services.getService({name: name + 'x'});
  } catch (e) {
    missing = `${e.code} ${e.message}`;
  }
  const [all] = await revisions.listRevisions({parent: name});
  return {
    before: {image: before.template.containers[0].image, ready: before.terminalCondition.state, generation: String(before.generation)},
    updated: {image: updated.template.containers[0].image},
    after: {count: after.scaling.manualInstanceCount, mode: after.scaling.scalingMode, generation: String(after.generation), observed: String(after.observedGeneration), reconciling: after.reconciling},
    stale, missing, revisions: all.map(r => r.containers[0].image),
  };
}

async function storage() {
  const {Storage} = require(folder);
  const bucket = new Storage({apiEndpoint: address, projectId: 'demo'}).bucket('snapshots');
  const file = bucket.file('dir/one file+ü.txt');
  await file.save('first', {resumable: false, preconditionOpts: {ifGenerationMatch: 0}, metadata: {metadata: {epoch: '7'}}});
  const [first] = await file.getMetadata();
  const refuse = async (work) => {
    try {
      await work();
      return 'accepted';
    } catch (e) {
      return `${e.code} ${(e.errors || [{}])[0].reason}`;
    }
  };
  const again = await refuse(() => file.save('other', {resumable: false, preconditionOpts: {ifGenerationMatch: 0}}));
  await file.save('second', {resumable: false, preconditionOpts: {ifGenerationMatch: first.generation}});
  const [content] = await file.download({validation: 'crc32c'});
  await bucket.file('dir/large').save(Buffer.alloc(300000, 'x'), {resumable: true});
  const [large] = await bucket.file('dir/large').download({validation: 'md5'});
  const [listed] = await bucket.getFiles({prefix: 'dir/'});
  const [globbed] = await bucket.getFiles({matchGlob: '*/large'});
  await file.delete();
  const gone = await refuse(() => file.getMetadata());
  const noBucket = await refuse(() => new Storage({apiEndpoint: address, projectId: 'demo'}).bucket('nothing').file('x').getMetadata());
  return {epoch: first.metadata.epoch, again, content: content.toString(), large: large.length, listed: listed.map(f => f.name), globbed: globbed.map(f => f.name), gone, noBucket};
}

async function secrets() {
  const {SecretManagerServiceClient} = require(folder);
  const client = new SecretManagerServiceClient(generated());
  const read = async version => {
    try {
      const [answer] = await client.accessSecretVersion({name: `projects/demo/secrets/key/versions/${version}`});
      return `${answer.name} ${Buffer.from(answer.payload.data).toString()} ${answer.payload.dataCrc32c}`;
    } catch (e) {
      return `refused: ${e.message}`;
    }
  };
  return {first: await read('1'), latest: await read('latest'), disabled: await read('2'), missing: await read('9')};
}

({run, storage, secrets})[which]().then(
  seen => console.log(JSON.stringify(seen)),
  error => {
    console.error(error);
    process.exit(1);
  });

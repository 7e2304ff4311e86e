import { isAbsolute } from 'node:path';
import type { Environment } from '@convoy/model/cache-directory';
import { OperatorError } from '@convoy/protocol/errors';
import { withoutCredentials, type FetchOptions } from '@convoy/transport/fetch-file';

/** Where a file is: on this machine, or at an address. */
export type DataSource =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'address'; readonly from: Pick<FetchOptions, 'url' | 'shownUrl'> };

/**
 * How a place is reached from here; null where it is none that other machines know: a relative path, or nothing.
 * @param place an absolute path, `https://…`, `http://…` or `s3://BUCKET/KEY`.
 * @throws OperatorError for any other scheme.
 */
export async function sourceOf(place: string | null, environment: Environment): Promise<DataSource | null> {
  if (place === null) return null;
  if (isAbsolute(place)) return { kind: 'path', path: place };
  if (!/^\w+:\/\//.test(place)) return null;
  const url = new URL(place);
  if (url.protocol === 's3:') {
    return { kind: 'address', from: { url: await signed(url, environment), shownUrl: place } };
  }
  if (url.protocol === 'https:' || url.protocol === 'http:') {
    return { kind: 'address', from: { url, shownUrl: withoutCredentials(url) } };
  }
  throw new OperatorError(`${place}: files are at a path, https://… or s3://BUCKET/KEY`);
}

/** How long a signed address may be used for: a download that is interrupted is signed anew. */
const SIGNED_FOR_S = 6 * 3600;

/**
 * The address of an object in S3 or what speaks like it, signed with the credentials of the environment as Amazon's own tools read them;
 * unsigned without.
 */
async function signed({ hostname: bucket, pathname }: URL, environment: Environment): Promise<URL> {
  const region = environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION'] || 'us-east-1';
  const endpoint = environment['AWS_ENDPOINT_URL_S3'] || environment['AWS_ENDPOINT_URL'];
  const base = endpoint ? `${endpoint.replace(/\/+$/, '')}/${bucket}` : `https://${bucket}.s3.${region}.amazonaws.com`;
  const url = new URL(`${base}${pathname}`);
  const [accessKeyId, secretAccessKey] = [environment['AWS_ACCESS_KEY_ID'], environment['AWS_SECRET_ACCESS_KEY']];
  if (!accessKeyId || !secretAccessKey) return url;
  // Loaded when it is wanted: most workloads have no such file.
  const { AwsV4Signer } = await import('aws4fetch');
  url.searchParams.set('X-Amz-Expires', String(SIGNED_FOR_S));
  const signer = new AwsV4Signer({
    url: url.href,
    accessKeyId,
    secretAccessKey,
    ...(environment['AWS_SESSION_TOKEN'] ? { sessionToken: environment['AWS_SESSION_TOKEN'] } : {}),
    service: 's3',
    region,
    signQuery: true,
  });
  return (await signer.sign()).url;
}

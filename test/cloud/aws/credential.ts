/** Who sends a request, and to which service, as its signature says. The signature itself is not checked. */
export interface Credential {
  accessKeyId: string;
  /** e.g. "s3" */
  service: string;
}

const nobody: Credential = { accessKeyId: "", service: "" };

/** Of a signed header, or of a presigned URL. */
export const credentialOf = (request: { header(name: string): string | undefined; url: string }): Credential => {
  const [, inHeader] = /Credential=([^,\s]+)/.exec(request.header("authorization") ?? "") ?? [];
  const scope = inHeader ?? new URL(request.url).searchParams.get("X-Amz-Credential");
  if (!scope) return nobody;
  // key/date/region/service/aws4_request
  const parts = scope.split("/");
  return { accessKeyId: parts[0] ?? "", service: parts[3] ?? "" };
};

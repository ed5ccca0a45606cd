package s3

import (
	"context"
	"net/url"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// put sends an object whole; only says that nothing may have its key.
func (s *Store) put(ctx context.Context, key string, data []byte, fields map[string]string, only bool) error {
	in := &s3.PutObjectInput{
		Bucket: s.bucket(), Key: s.full(key), Body: body(data), ContentLength: aws.Int64(int64(len(data))), ChecksumSHA256: sum(data),
		Metadata: fields, ServerSideEncryption: types.ServerSideEncryption(s.config.SSE), SSEKMSKeyId: text(s.config.KMSKeyID),
	}
	if only {
		in.IfNoneMatch = aws.String("*")
	}
	if isData(key) {
		in.StorageClass, in.Tagging = types.StorageClass(s.config.StorageClass), s.config.tagging()
	}
	_, err := s.client.PutObject(ctx, in)
	return s.explain(ctx, "write", key, err)
}

// begin starts an upload and returns its id.
func (s *Store) begin(ctx context.Context, key string, fields map[string]string) (string, error) {
	in := &s3.CreateMultipartUploadInput{
		Bucket: s.bucket(), Key: s.full(key), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		Metadata: fields, ServerSideEncryption: types.ServerSideEncryption(s.config.SSE), SSEKMSKeyId: text(s.config.KMSKeyID),
	}
	if isData(key) {
		in.StorageClass, in.Tagging = types.StorageClass(s.config.StorageClass), s.config.tagging()
	}
	begun, err := s.client.CreateMultipartUpload(ctx, in)
	if err != nil {
		return "", s.explain(ctx, "write", key, err)
	}
	return aws.ToString(begun.UploadId), nil
}

func (s *Store) sendPart(ctx context.Context, key, upload string, number int32, data []byte) (types.CompletedPart, error) {
	part := types.CompletedPart{PartNumber: aws.Int32(number), ChecksumSHA256: sum(data)}
	sent, err := s.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: s.bucket(), Key: s.full(key), UploadId: aws.String(upload), PartNumber: part.PartNumber,
		Body: body(data), ContentLength: aws.Int64(int64(len(data))), ChecksumSHA256: part.ChecksumSHA256,
	})
	if err != nil {
		return part, s.explain(ctx, "write", key, err)
	}
	part.ETag = sent.ETag
	return part, nil
}

// complete makes an object of the parts, if nothing has its key.
func (s *Store) complete(ctx context.Context, key, upload string, parts []types.CompletedPart, size int64) error {
	_, err := s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: s.bucket(), Key: s.full(key), UploadId: aws.String(upload), IfNoneMatch: aws.String("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}, MpuObjectSize: aws.Int64(size),
	})
	return s.explain(ctx, "write", key, err)
}

// isData reports whether the object is of the archive, not of its bookkeeping.
func isData(key string) bool {
	return !strings.HasPrefix(key, "_") && !strings.HasPrefix(path.Base(key), "_")
}

func (c Config) tagging() *string {
	tags := make(url.Values)
	for name, value := range c.Tags {
		tags.Set(name, value)
	}
	return text(tags.Encode())
}

// text is nil where nothing is set.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

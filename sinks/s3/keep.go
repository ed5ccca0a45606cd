package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/kustash/kustash/pipeline"
)

// ours matches the keys of objects that may be sent in parts: in a bucket with
// other inhabitants, their unfinished uploads are not touched.
var ours = regexp.MustCompile(`(-f[0-9]+-[0-9a-f]{8}\.[a-z0-9.]+|/_kustash/[^/]+)$`)

// Sweep implements sinks.Sweeper: it ends the uploads that crashed runs have not.
// Whoever may not list or end them, or has a service that cannot, leaves that to
// a lifecycle rule of the bucket.
func (s *Store) Sweep(ctx context.Context) error {
	pages := s3.NewListMultipartUploadsPaginator(s.client, &s3.ListMultipartUploadsInput{Bucket: s.bucket(), Prefix: aws.String(s.prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if unable(err) {
			return nil
		}
		if err != nil {
			return s.explain(ctx, "list unfinished uploads of", s.prefix, err)
		}
		for _, u := range page.Uploads {
			full := aws.ToString(u.Key)
			if key, inside := strings.CutPrefix(full, s.prefix); !inside || !ours.MatchString("/"+key) {
				continue
			}
			if err := s.drop(ctx, full, aws.ToString(u.UploadId)); err != nil {
				return err
			}
		}
	}
	return nil
}

// drop ends an upload. One that is no more, or that a lifecycle rule must end,
// is no error.
func (s *Store) drop(ctx context.Context, full, upload string) error {
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: s.bucket(), Key: aws.String(full), UploadId: aws.String(upload)})
	if unable(err) || status(err) == http.StatusNotFound {
		return nil
	}
	return s.explain(ctx, "end the upload of", full, err)
}

// Probe implements sinks.Prober: it begins an upload and ends it, which needs the
// right to write and leaves nothing to be seen. Of other services than Amazon's it
// also makes sure that they never replace an object.
func (s *Store) Probe(ctx context.Context) error {
	if s.config.Endpoint != "" {
		if err := s.tryConditions(ctx); err != nil {
			return err
		}
	}
	const key = "_kustash/probe"
	begun, err := s.begin(ctx, key, nil)
	if err != nil {
		return err
	}
	return s.drop(ctx, s.prefix+key, begun)
}

// markerKey is the key of the object that every archive has.
const markerKey = "_kustash/lineage.json"

// tryConditions tries to write the marker again, as it is, in both ways in which
// objects are written. A service that does not know the condition does it.
func (s *Store) tryConditions(ctx context.Context) error {
	data, err := s.readSmall(ctx, markerKey)
	if errors.Is(err, pipeline.ErrMissing) || unable(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.refusal(s.put(ctx, markerKey, data, nil, true)); err != nil {
		return err
	}
	upload, err := s.begin(ctx, markerKey, nil)
	if err != nil {
		return err
	}
	part, err := s.sendPart(ctx, markerKey, upload, 1, data)
	if err == nil {
		err = s.refusal(s.complete(ctx, markerKey, upload, []types.CompletedPart{part}, int64(len(data))))
	}
	if dropErr := s.drop(ctx, s.prefix+markerKey, upload); err == nil {
		err = dropErr
	}
	return err
}

// refusal returns what is wrong if a key that is taken was not refused.
func (s *Store) refusal(err error) error {
	switch {
	case err == nil:
		return fmt.Errorf("%s does not know the condition If-None-Match and replaces objects that are there, so two runs could take each other's files away; use a service or a version that does", s.config.Place())
	case status(err) == http.StatusPreconditionFailed, status(err) == http.StatusConflict:
		return nil
	}
	return err
}

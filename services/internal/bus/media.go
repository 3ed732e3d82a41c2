// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/palinsesto/palinsesto/services/palinsesto"
)

// The buckets: media for ever by content hash, uploads for a short while under a random name.
const (
	mediaBucket   = "palinsesto-media"
	uploadsBucket = "palinsesto-uploads"
	uploadAge     = time.Hour
)

func (b *Bus) openMedia(ctx context.Context) (err error) {
	if b.media, err = b.bucket(ctx, mediaBucket, 0); err != nil {
		return err
	}
	b.uploads, err = b.bucket(ctx, uploadsBucket, uploadAge)
	return err
}

func (b *Bus) bucket(ctx context.Context, name string, ttl time.Duration) (jetstream.ObjectStore, error) {
	s, err := b.js.ObjectStore(ctx, name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return b.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
			Bucket: name, TTL: ttl, Storage: jetstream.FileStorage, Replicas: b.replicas(),
		})
	}
	return s, err
}

// mediaFacts is the key under which an object's metadata holds what is known of the file, as JSON.
const mediaFacts = "palinsesto-media"

// PutMedia stores bytes under m.Hash, unless they are there, and beside them what is known of the
// file. Not its name and alternative text: the same bytes may come from several centres, and each
// sees its own words only.
func (b *Bus) PutMedia(ctx context.Context, m palinsesto.Media, data []byte) error {
	if _, err := b.media.GetInfo(ctx, m.Hash); err == nil {
		return nil
	}
	m.Filename, m.Alt = "", ""
	facts, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("store media: %w", err)
	}
	_, err = b.media.Put(ctx, jetstream.ObjectMeta{Name: m.Hash, Metadata: map[string]string{mediaFacts: string(facts)}}, bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("store media: %w", err)
	}
	return nil
}

// MediaInfo tells what is known of a stored file; ErrNone when it is not there.
func (b *Bus) MediaInfo(ctx context.Context, hash string) (palinsesto.Media, error) {
	if len(hash) != 2*sha256.Size { // the store would answer with an error of its own to an empty name
		return palinsesto.Media{}, ErrNone
	}
	info, err := b.object(ctx, b.media, mediaBucket, hash)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return palinsesto.Media{}, ErrNone
	}
	if err != nil {
		return palinsesto.Media{}, fmt.Errorf("look up media: %w", err)
	}
	var m palinsesto.Media
	if err := json.Unmarshal([]byte(info.Metadata[mediaFacts]), &m); err != nil {
		return palinsesto.Media{}, fmt.Errorf("what is known of media %s cannot be read: %w", hash, err)
	}
	return m, nil
}

// OpenMedia reads media by hash; ErrNone when it is not there.
func (b *Bus) OpenMedia(ctx context.Context, hash string) (io.ReadCloser, error) {
	r, err := b.openObject(ctx, b.media, mediaBucket, hash)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("read media: %w", err)
	}
	return r, nil
}

// HasMedia tells whether media is there.
func (b *Bus) HasMedia(ctx context.Context, hash string) (bool, error) {
	_, err := b.object(ctx, b.media, mediaBucket, hash)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Bring remembers that a centre brought a file: a hash that somebody has heard of opens nothing.
func (b *Bus) Bring(ctx context.Context, hash, centre string) error {
	known, err := b.Brought(ctx, hash, centre)
	if err != nil || known {
		return err
	}
	if _, err := b.media.PutBytes(ctx, broughtBy(hash, centre), nil); err != nil {
		return fmt.Errorf("remember who brought media: %w", err)
	}
	return nil
}

// Brought tells whether a centre brought a file.
func (b *Bus) Brought(ctx context.Context, hash, centre string) (bool, error) {
	_, err := b.object(ctx, b.media, mediaBucket, broughtBy(hash, centre))
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return false, nil
	}
	return err == nil, err
}

// broughtBy names an empty object beside the file: one for each centre, so that two never write the same.
func broughtBy(hash, centre string) string { return hash + "/" + centre }

// PutUpload keeps raw bytes under a temporary name until the media room has cleaned them, or an hour.
// When r fails or ctx ends nothing is left behind: so the store is not told of the end of ctx, after
// which it could not clean up.
func (b *Bus) PutUpload(ctx context.Context, name string, r io.Reader) error {
	_, err := b.uploads.Put(context.WithoutCancel(ctx), jetstream.ObjectMeta{Name: name}, gathered{ctx, r})
	if err != nil {
		return fmt.Errorf("store upload: %w", err)
	}
	return nil
}

// gathered fills what it is given: the store makes a message of each Read, and a form read from a
// network gives a few KiB at a time, of which more were under way than the library allows.
type gathered struct {
	ctx context.Context
	r   io.Reader
}

func (g gathered) Read(p []byte) (n int, err error) {
	for n < len(p) && err == nil { // not io.ReadFull: a form that broke off ends in its ErrUnexpectedEOF
		var more int
		more, err = g.r.Read(p[n:])
		n += more
		if err == nil {
			err = g.ctx.Err()
		}
	}
	return n, err
}

// DropUpload removes an upload that nobody will take.
func (b *Bus) DropUpload(ctx context.Context, name string) error {
	err := b.uploads.Delete(ctx, name)
	if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return fmt.Errorf("drop upload: %w", err)
	}
	return nil
}

// TakeUpload reads an upload and removes it: what is kept is the cleaned file.
func (b *Bus) TakeUpload(ctx context.Context, name string, limit int64) ([]byte, error) {
	r, err := b.openObject(ctx, b.uploads, uploadsBucket, name)
	if errors.Is(err, jetstream.ErrObjectNotFound) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("read upload: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read upload: %w", err)
	}
	return data, b.DropUpload(ctx, name)
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// object is what a bucket knows of an object. In a cluster any server answers, also one that lags: a file
// that was acknowledged a moment ago would be none. So a no is said on the leader's word only, as of the log.
func (b *Bus) object(ctx context.Context, s jetstream.ObjectStore, bucket, name string) (*jetstream.ObjectInfo, error) {
	info, err := s.GetInfo(ctx, name)
	if !errors.Is(err, jetstream.ErrObjectNotFound) || !b.replicated() {
		return info, err
	}
	// ADR-20: what is known of an object is the newest message of $O.<bucket>.M.<name, base64url>.
	// https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-20.md
	records, err := b.fromLeader(ctx, "OBJ_"+bucket, "$O."+bucket+".M."+base64.URLEncoding.EncodeToString([]byte(name)))
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, jetstream.ErrObjectNotFound
	}
	info = &jetstream.ObjectInfo{}
	if err := json.Unmarshal(records[0].Data, info); err != nil {
		return nil, fmt.Errorf("what is known of object %s cannot be read: %w", name, err)
	}
	if info.Deleted {
		return nil, jetstream.ErrObjectNotFound
	}
	info.ModTime = records[0].Time
	return info, nil
}

// lagTries is how often an object that the leader has is asked for again: some seconds, with the pauses
// between.
const lagTries = 12

// openObject reads an object; one that only the leader knows of is asked for until others do.
func (b *Bus) openObject(ctx context.Context, s jetstream.ObjectStore, bucket, name string) (jetstream.ObjectResult, error) {
	for try := range lagTries {
		r, err := s.Get(ctx, name)
		if !errors.Is(err, jetstream.ErrObjectNotFound) || !b.replicated() {
			return r, err
		}
		if _, err := b.object(ctx, s, bucket, name); err != nil {
			return nil, err
		}
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("object %s of %s is known to the leader only", name, bucket)
}

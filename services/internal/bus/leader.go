// SPDX-License-Identifier: AGPL-3.0-or-later

package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/palinsesto/palinsesto/services/contract"
)

// replicated tells whether several servers keep the log: then any of them answers a plain read, also one
// that does not know yet what was acknowledged a moment ago.
func (b *Bus) replicated() bool {
	info := b.stream.CachedInfo()
	return b.o.Replicas > 1 || info != nil && info.Config.Replicas > 1
}

// noMessage is the error code of a subject without messages.
const noMessage = 10037

// fromLeader reads the newest message of a subject, wildcards allowed, from the server that leads a stream
// and so knows all that was acknowledged. It is asked only before somebody is told no: a yes is guarded
// by its sequence whatever it was decided on.
// https://docs.nats.io/reference/reference-protocols/nats_api_reference#fetching-from-a-stream-by-sequence
func (b *Bus) fromLeader(ctx context.Context, stream, subject string) ([]Record, error) {
	ask, err := json.Marshal(map[string]string{"last_by_subj": subject})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestWait)
	defer cancel()
	m, err := b.nc.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, ask)
	if err != nil {
		return nil, fmt.Errorf("ask the leader of %s: %w", stream, err)
	}
	var answer struct {
		Error *struct {
			Code int    `json:"err_code"`
			Text string `json:"description"`
		} `json:"error"`
		Message struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Header  []byte    `json:"hdrs"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return nil, fmt.Errorf("answer of the leader of %s: %w", stream, err)
	}
	switch {
	case answer.Error != nil && answer.Error.Code == noMessage:
		return nil, nil
	case answer.Error != nil:
		return nil, fmt.Errorf("the leader of %s: %s", stream, answer.Error.Text)
	}
	header, err := nats.DecodeHeadersMsg(answer.Message.Header)
	if err != nil {
		return nil, fmt.Errorf("answer of the leader of %s: %w", stream, err)
	}
	x := answer.Message
	return []Record{{Subject: x.Subject, Event: header.Get(contract.HeaderEvent), Seq: x.Seq, Time: x.Time, Data: x.Data}}, nil
}

// LoadSure is Load at a state of the log that includes everything acknowledged before it.
func LoadSure[T any](ctx context.Context, b *Bus, c contract.Codec[T], subject string) (contract.Event[T], error) {
	records, err := b.fromLeader(ctx, contract.Stream, subject)
	if err != nil {
		return contract.Event[T]{}, err
	}
	if len(records) == 0 {
		return contract.Event[T]{Subject: subject}, ErrNone
	}
	return Decode(c, records[0])
}

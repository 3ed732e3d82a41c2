// SPDX-License-Identifier: AGPL-3.0-or-later

package contract

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/palinsesto/palinsesto/services/palinsesto"
	pb "github.com/palinsesto/palinsesto/services/pb/palinsesto/v1"
)

// Reservations come back as they were, in their order, whatever their moments and names.
func TestReservationsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ch := palinsesto.Channel{ID: "telegram-marche"}
		for i := range rapid.IntRange(0, 20).Draw(t, "how many") {
			post := palinsesto.DeriveID("post", strconv.Itoa(i))
			if rapid.IntRange(0, 50).Draw(t, "odd") == 50 {
				post = rapid.SampledFrom([]string{"", "p", "6D0C1B8E-9A55-8F7E-A1C4-55E20F3D7B90"}).Draw(t, "post")
			}
			at := time.Unix(0, rapid.Int64().Draw(t, "at")).UTC()
			if rapid.IntRange(0, 50).Draw(t, "far") == 50 {
				at = time.Unix(rapid.Int64Range(-60_000_000_000, 250_000_000_000).Draw(t, "seconds"), 1).UTC()
			}
			ch.Reserved = append(ch.Reserved, palinsesto.Reservation{Post: post, At: at})
		}
		b, err := Channels.Encode(sampleEnvelope, ch)
		require.NoError(t, err)
		_, got, err := Channels.Decode(b)
		require.NoError(t, err)
		requireSame(t, ch, got)
	})
}

// A channel with as many waiting posts as it takes stays far from the bound of an event: every event of
// it carries them all.
func TestFullChannelIsSmall(t *testing.T) {
	ch := palinsesto.Channel{ID: "telegram-marche"}
	for i := range palinsesto.ReservedMost {
		ch.Reserved = append(ch.Reserved, palinsesto.Reservation{
			Post: palinsesto.DeriveID("post", strconv.Itoa(i)), At: at(0).Add(time.Duration(i) * 30 * time.Minute),
		})
	}
	b, err := Channels.Encode(sampleEnvelope, ch)
	require.NoError(t, err)
	require.Less(t, len(b), MaxPayload/4)
}

func TestReservationsThatDoNotMatch(t *testing.T) {
	for _, ch := range []*pb.Channel{{ReservedAt: []int64{1}}, {ReservedPosts: make([]byte, 15), ReservedAt: []int64{1}}, {ReservedPosts: []byte("x")}} {
		b, err := proto.Marshal(&pb.ChannelEvent{Channel: ch})
		require.NoError(t, err)
		_, _, err = Channels.Decode(b)
		require.ErrorIs(t, err, ErrMalformed)
	}
}

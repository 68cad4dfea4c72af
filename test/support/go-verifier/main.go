// Verifies a log with what Go's checksum database is built of, and with nothing of ours: golang.org/x/mod/sumdb.
// It reads one JSON document from its standard input and says what it found.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type input struct {
	Key   string            `json:"key"`
	Older string            `json:"older"`
	Newer string            `json:"newer"`
	Tiles map[string][]byte `json:"tiles"`
	// Entries of the log, one after the other from this one on: the first, or the minimum index of a pruned log.
	First   int64    `json:"first"`
	Entries [][]byte `json:"entries"`
	Receipt struct {
		Body       string   `json:"body"`
		Index      int64    `json:"index"`
		Proof      []string `json:"proof"`
		Checkpoint string   `json:"checkpoint"`
	} `json:"receipt"`
}

// Tiles of height 8 by the paths of C2SP tlog-tiles, which leave out the height.
type tiles map[string][]byte

func (tiles) Height() int { return 8 }

func (all tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		data, isThere := all[strings.TrimPrefix(tile.Path(), "tile/8/")]
		if !isThere {
			return nil, fmt.Errorf("there is no tile %s", tile.Path())
		}
		found = append(found, data)
	}
	return found, nil
}

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// A hash of exactly 32 bytes in base64, written in the one way in which it can be. Go's decoder passes over line breaks and, unless
// it is strict, over bits that are left; a slice that is too long would be cut to the length of an array.
func hashOf(text string) (tlog.Hash, error) {
	bytes, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(bytes) != tlog.HashSize || base64.StdEncoding.EncodeToString(bytes) != text {
		return tlog.Hash{}, fmt.Errorf("a hash is not 32 bytes in canonical base64")
	}
	return tlog.Hash(bytes), nil
}

func open(text string, key note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open([]byte(text), note.VerifierList(key))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	// More lines are extensions, which have no meaning here (C2SP tlog-checkpoint).
	if len(lines) < 4 || lines[0] != key.Name() {
		return tlog.Tree{}, fmt.Errorf("this is no checkpoint of %s", key.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := hashOf(lines[2])
	if err != nil {
		return tlog.Tree{}, err
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

func verify(in input) error {
	key, err := note.NewVerifier(in.Key)
	if err != nil {
		return err
	}
	older, err := open(in.Older, key)
	if err != nil {
		return err
	}
	newer, err := open(in.Newer, key)
	if err != nil {
		return err
	}
	// Every hash that it reads is verified against the root.
	reader := tlog.TileHashReader(newer, tiles(in.Tiles))
	consistency, err := tlog.ProveTree(newer.N, older.N, reader)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(consistency, newer.N, newer.Hash, older.N, older.Hash); err != nil {
		return err
	}
	for at, entry := range in.Entries {
		index := in.First + int64(at)
		inclusion, err := tlog.ProveRecord(newer.N, index, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(inclusion, newer.N, newer.Hash, index, tlog.RecordHash(entry)); err != nil {
			return err
		}
	}
	of, err := open(in.Receipt.Checkpoint, key)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, text := range in.Receipt.Proof {
		hash, err := hashOf(text)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	return tlog.CheckRecord(proof, of.N, of.Hash, in.Receipt.Index, tlog.RecordHash([]byte(in.Receipt.Body)))
}

func main() {
	var in input
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	if err := verify(in); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Printf("verified %d entries\n", len(in.Entries))
}

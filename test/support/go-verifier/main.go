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
	// The first entries of the log.
	Entries [][]byte `json:"entries"`
	Receipt struct {
		Body       string   `json:"body"`
		Index      int64    `json:"index"`
		Proof      [][]byte `json:"proof"`
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
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("the root is no hash")
	}
	return tlog.Tree{N: size, Hash: tlog.Hash(root)}, nil
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
	for index, entry := range in.Entries {
		inclusion, err := tlog.ProveRecord(newer.N, int64(index), reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(inclusion, newer.N, newer.Hash, int64(index), tlog.RecordHash(entry)); err != nil {
			return err
		}
	}
	of, err := open(in.Receipt.Checkpoint, key)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, hash := range in.Receipt.Proof {
		proof = append(proof, tlog.Hash(hash))
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

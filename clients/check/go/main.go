// Tokenizes, reads and reveals once, through the client that oapi-codegen makes.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log"
	"net/http"
	"os"

	"strongroom.invalid/client-check/strongroom"
)

func main() {
	checkout, support := clientFor("CHECKOUT"), clientFor("SUPPORT")
	ctx := context.Background()

	key := "go-1"
	card := strongroom.Card{Number: "4242 4242 4242 4242", ExpMonth: 12, ExpYear: 2031}
	address := strongroom.Address{Line1: "1 Raffles Place", Country: "SG"}
	stored, err := checkout.TokenizeWithResponse(ctx, &strongroom.TokenizeParams{IdempotencyKey: &key},
		strongroom.Checkout{Card: &card, BillingAddress: &address})
	require(err == nil && stored.JSON201 != nil, "tokenize", err)
	require(stored.JSON201.Card.Last4 == "4242", "the card is masked", nil)
	token := stored.JSON201.BillingAddress.Token

	masked, err := support.GetRecordWithResponse(ctx, token)
	require(err == nil && masked.JSON200 != nil, "read", err)
	view, err := masked.JSON200.ValueByDiscriminator()
	require(err == nil && view.(strongroom.MaskedAddress).Country == "SG", "the address is masked", err)

	released, err := support.RevealRecordWithResponse(ctx, token, nil, strongroom.RevealRequest{Purpose: "respond-to-query"})
	require(err == nil && released.JSON200 != nil, "reveal", err)
	release, err := released.JSON200.ValueByDiscriminator()
	require(err == nil && *release.(strongroom.AddressRelease).Data.Line1 == "1 Raffles Place", "the address is revealed", err)

	unknown, err := support.GetRecordWithResponse(ctx, "none")
	require(err == nil && unknown.ApplicationproblemJSON404 != nil, "refuse", err)
	require(unknown.ApplicationproblemJSON404.Code == "record-not-found", "the code of the problem", nil)
}

func clientFor(name string) *strongroom.ClientWithResponses {
	id, secret := os.Getenv(name+"_ID"), os.Getenv(name+"_SECRET")
	anonymous := newClient()
	answer, err := anonymous.IssueTokenWithFormdataBodyWithResponse(context.Background(),
		strongroom.TokenRequest{GrantType: "client_credentials", ClientId: &id, ClientSecret: &secret})
	require(err == nil && answer.JSON200 != nil, "get a token", err)
	return newClient(strongroom.WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+answer.JSON200.AccessToken)
		return nil
	}))
}

func newClient(options ...strongroom.ClientOption) *strongroom.ClientWithResponses {
	pem, err := os.ReadFile(os.Getenv("STRONGROOM_CA"))
	require(err == nil, "read the certificate", err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	transport := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	options = append(options, strongroom.WithHTTPClient(transport))
	client, err := strongroom.NewClientWithResponses(os.Getenv("STRONGROOM_URL"), options...)
	require(err == nil, "make a client", err)
	return client
}

func require(ok bool, what string, err error) {
	if !ok {
		log.Fatalf("%s: failed: %v", what, err)
	}
}

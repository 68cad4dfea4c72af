import java.io.FileInputStream;
import java.net.http.HttpClient;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.UUID;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.RecordsApi;
import org.openapitools.client.api.TokensApi;
import org.openapitools.client.model.*;

/** Tokenizes, reads and reveals once, through the client that OpenAPI Generator makes. */
public class Check {
  public static void main(String[] args) throws Exception {
    RecordsApi checkout = recordsFor("CHECKOUT");
    RecordsApi support = recordsFor("SUPPORT");

    Checkout parts = new Checkout()
        .card(new Card().number("4242 4242 4242 4242").expMonth(12).expYear(2031))
        .billingAddress(new Address().line1("1 Raffles Place").country("SG"));
    TokenizedCheckout stored = checkout.tokenize(parts, UUID.randomUUID().toString());
    require(stored.getCard().getLast4().equals("4242"), "the card is masked");
    String token = stored.getBillingAddress().getToken();

    MaskedRecord masked = support.getRecord(token);
    require(((MaskedAddress) masked.getActualInstance()).getCountry().equals("SG"), "the address is masked");

    Release released = support.revealRecord(token, new RevealRequest().purpose(RevealRequest.PurposeEnum.RESPOND_TO_QUERY), null);
    AddressRelease release = (AddressRelease) released.getActualInstance();
    require(release.getData().getLine1().equals("1 Raffles Place"), "the address is revealed");

    try {
      support.getRecord("none");
      throw new IllegalStateException("a token of no record is answered");
    } catch (ApiException error) {
      Problem problem = ApiClient.createDefaultObjectMapper().readValue(error.getResponseBody(), Problem.class);
      require(problem.getCode().equals("record-not-found"), "the code of the problem");
    }
  }

  private static RecordsApi recordsFor(String name) throws Exception {
    String id = System.getenv(name + "_ID");
    String secret = System.getenv(name + "_SECRET");
    AccessToken token = new TokensApi(client()).issueToken("client_credentials", id, secret, null, null, null);
    ApiClient bearer = client();
    bearer.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token.getAccessToken()));
    return new RecordsApi(bearer);
  }

  private static ApiClient client() throws Exception {
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null);
    try (FileInputStream file = new FileInputStream(System.getenv("STRONGROOM_CA"))) {
      trusted.setCertificateEntry("vault", CertificateFactory.getInstance("X.509").generateCertificate(file));
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    ApiClient client = new ApiClient();
    client.setHttpClientBuilder(HttpClient.newBuilder().sslContext(context));
    client.updateBaseUri(System.getenv("STRONGROOM_URL"));
    return client;
  }

  private static void require(boolean ok, String what) {
    if (!ok) throw new IllegalStateException(what + ": failed");
  }
}

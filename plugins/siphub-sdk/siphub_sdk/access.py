"""The access token of this client: OAuth2 client credentials with a secret, as the contract fetches and keeps them.

It must never show a token or the client's secret, and never send either anywhere but to the addresses in the settings.
"""

from __future__ import annotations

from siphub.contract import AccessTokens, ClientSecret, NoToken, PluginContext
from siphub_sdk.settings import SdkSettings


class Access:
    """The one token of this client. Safe to share between threads."""

    def __init__(self, settings: SdkSettings, context: PluginContext, scopes: str | None = None) -> None:
        self._settings, self._secret = settings, context.secrets.get("client_secret", "")
        self._tokens = AccessTokens(
            context.http,
            context.clock,
            url=settings.token_url,
            client_id=settings.client_id,
            proof=ClientSecret(self._secret),
            scopes=scopes or settings.scopes,
            timeout=settings.timeout,
        )

    def header(self) -> dict[str, str]:
        """Return the header that carries a token, fetched where there is none that holds.

        Raises:
            NoToken: The service gives none, or cannot be asked.
        """
        if not self._settings.token_url:
            raise NoToken("the setting token_url is missing", code="settings.missing")
        if not self._secret:
            raise NoToken("the secret client_secret is missing", code="settings.secret_missing")
        try:
            return self._tokens.header()
        except NoToken as error:
            if not error.code.startswith("token."):
                raise
            raise NoToken(error.detail, code="sdk.token_refused") from None

    def forget(self, header: dict[str, str]) -> None:
        """Fetch a new token the next time: the service did not take the one in this header."""
        self._tokens.forget(header)

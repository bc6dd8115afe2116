import JWT

/// What PyJWT 2.15.1 made of one set of claims with `jwt.encode`, the algorithm, the key of that kind in RFC 7515,
/// appendix A, and the header `kid`: `key-hs`, `key-rs` or `key-es`.
enum PyJWT {
    /// 2023-11-14 22:13:20 UTC
    static let issuedAt: Int64 = 1_700_000_000
    /// 2100-01-01 00:00:00 UTC
    static let expiresAt: Int64 = 4_102_444_800

    static let tokens: [Algorithm: String] = [
        .hs256: """
        eyJhbGciOiJIUzI1NiIsImtpZCI6ImtleS1ocyIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUiLCJ\
        hdWQiOlsic3dpdGNoYm9hcmQiLCJvdGhlciJdLCJzdWIiOiJhbGljZSIsInVzZXJfaWQiOjcsIm5hbWUiOiJcdTAwYzVsaWNlIiw\
        iaWF0IjoxNzAwMDAwMDAwLCJuYmYiOjE3MDAwMDAwMDAsImV4cCI6NDEwMjQ0NDgwMH0.9AkGsB967Dm4fzdItF9l44sEQCrul_V\
        15v8DIc3bx58
        """,
        .hs384: """
        eyJhbGciOiJIUzM4NCIsImtpZCI6ImtleS1ocyIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUiLCJ\
        hdWQiOlsic3dpdGNoYm9hcmQiLCJvdGhlciJdLCJzdWIiOiJhbGljZSIsInVzZXJfaWQiOjcsIm5hbWUiOiJcdTAwYzVsaWNlIiw\
        iaWF0IjoxNzAwMDAwMDAwLCJuYmYiOjE3MDAwMDAwMDAsImV4cCI6NDEwMjQ0NDgwMH0.4eBQZv9iQwHe9B440NQM_RDmaLD1sE3\
        a2TnqQOLWyQtwJL91_mKXm_GPO9tpevZi
        """,
        .hs512: """
        eyJhbGciOiJIUzUxMiIsImtpZCI6ImtleS1ocyIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUiLCJ\
        hdWQiOlsic3dpdGNoYm9hcmQiLCJvdGhlciJdLCJzdWIiOiJhbGljZSIsInVzZXJfaWQiOjcsIm5hbWUiOiJcdTAwYzVsaWNlIiw\
        iaWF0IjoxNzAwMDAwMDAwLCJuYmYiOjE3MDAwMDAwMDAsImV4cCI6NDEwMjQ0NDgwMH0.4hBu8Tm6OpygiDDZGem_eIOd59yoxeE\
        HWcdoOpQdsuO1uxIdtYmkM6QIpmlCLQ-ly8AK8pTnuw34ccufN4mZ_Q
        """,
        .rs256: """
        eyJhbGciOiJSUzI1NiIsImtpZCI6ImtleS1ycyIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUiLCJ\
        hdWQiOlsic3dpdGNoYm9hcmQiLCJvdGhlciJdLCJzdWIiOiJhbGljZSIsInVzZXJfaWQiOjcsIm5hbWUiOiJcdTAwYzVsaWNlIiw\
        iaWF0IjoxNzAwMDAwMDAwLCJuYmYiOjE3MDAwMDAwMDAsImV4cCI6NDEwMjQ0NDgwMH0.gzSHY7mKFo2W8G-6nGxaCJu_Rd_DtbI\
        LTDRFoRHsmLdAtqjkH03r3SNEjikqW40RDHBwQrpuVTq-VROVxutm5HFlbna63IN_6WPSnVYHZJO6_KxD2JjgpRye5hUhbZHs7Sq\
        VTLjIe-CWzNkiI8mP2l87Vvjb5PGk0z9hC8_tF1rQU0GtQ1WU97Ug2hSlGS8oTct8D4G71vZp-nnwqQBoFd7V9BxHCnX7KleC28p\
        ROJw78HDTVVKo6MMVp0bN4gomR1s7OdN47ofqGEey8-Sd0_W2_EiwuuBS-6z_RnNs8ChflzgghYUoBXRP3SE4J_0QYmpVJbkid1f\
        gVAqVAJqJ9g
        """,
        .es256: """
        eyJhbGciOiJFUzI1NiIsImtpZCI6ImtleS1lcyIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUiLCJ\
        hdWQiOlsic3dpdGNoYm9hcmQiLCJvdGhlciJdLCJzdWIiOiJhbGljZSIsInVzZXJfaWQiOjcsIm5hbWUiOiJcdTAwYzVsaWNlIiw\
        iaWF0IjoxNzAwMDAwMDAwLCJuYmYiOjE3MDAwMDAwMDAsImV4cCI6NDEwMjQ0NDgwMH0.qOIABq3eqQBTu3-9BV2BHJ0bd7gf21N\
        Lis7UxqB2pSWKzT56uVvPlN7i6wujyKqqeSz4LLOKoHJomR-WT0oH1g
        """,
    ]
}

/// Keys as PEM. The RSA and the P-256 key are those of RFC 7515, appendix A, the certificates (expired in 2021) are signed
/// with themselves; the others were made for these tests with OpenSSL 3.0.
enum PEMs {
    static let rsaPrivate = """
        -----BEGIN PRIVATE KEY-----
        MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh+BYK4uPJtGXO
        jS1lYmM2K5J9vinh8CR3/BYlzJChNuOL2TSXxbbqY913EeZ8dCn5VrD7io8ImtxL
        aYk8wTM/U+3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn
        juygxmj3AbONv/s4yDQs4v5tJ/reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5
        ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr8jkiGUkf
        toaHLFcW9Qr4NY2ai50Xw0Byj3+H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg
        VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyW
        PEAeP88vLNO97IjlA7/GQ5sLKMgvfTeXZx9SE+7YwVol2NXOoAJe46sui395IW/G
        O+pWJ1O0BkTGoVEn2bKVRUCgu+GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj
        kn439X0M/V51gfpRLI9JYanrC4D4qAdGcopV/0ZHHzQlBjudU2QvXt4ehNYTCBr6
        XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl/x/jTj3ccPDVZFD9pIuhLhBOneufuBiB
        4cS98l2SR/RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K
        pLttoLhyt3SmqdEf/kgHePDdtzEafpAu+cS191R2JiuoF2yzWXnwFDcqGigp5BNr
        0AHQfD8/Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqE
        lMGAg+C2V0L4oNXnP7LZcPAZRwKBgQC5A8R+CZW2MvRTLLHzwZkUXV866cff7tx6
        kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAP
        rq3rbAOal78eUH5OcED6eNuCV8ixEu1eWcPNCS/l1OW1EnXUEoEHKl54Xrrz2uNw
        kgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7/Ls5bkUp
        5u9SN0Ai3Ya6hNnvWJMb7sXQX6U/zyO2M/hTip7tUeh7CXgwo59dkpN75gJLVds2
        9+DAncu3KXU4f2Fa+7bLNrur53k8KwPOq2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf/
        evpitUf+4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG
        yoAe9fa65iNqCq+jdw6PVNGo2hxfjSiZ8IIzHdsPXI89//pMjZcQK9r+CCoRjaZj
        OYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2
        tOgrjbcrfvtQJipd+DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd/QJQ3
        ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp/gh6A56
        03k2+ZQwVK0JKSHuLFkuQ3U=
        -----END PRIVATE KEY-----
        """
    static let rsaPublic = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj
        NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz
        P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo
        9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB
        EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX
        FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp
        oQIDAQAB
        -----END PUBLIC KEY-----
        """
    static let rsaPublicPKCS1 = """
        -----BEGIN RSA PUBLIC KEY-----
        MIIBCgKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd/wWJcyQoTbji9k0l8W2
        6mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMs
        D1W/YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5
        z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxv
        b3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxXFvUK+DWNmoudF8NAco9/h9iaGNj8q2et
        hFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQAB
        -----END RSA PUBLIC KEY-----
        """
    static let rsaPrivatePKCS1 = """
        -----BEGIN RSA PRIVATE KEY-----
        MIIEowIBAAKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd/wWJcyQoTbji9k0
        l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL+yRT+SFd2lZS+pC
        gNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb/7OMg0LOL+bSf63kpaSHSX
        ndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uD
        Zlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxXFvUK+DWNmoudF8NAco9/h9iaGNj8
        q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQABAoIBABKucaRpzQorw35S
        bEUAVx8dYXUdZOlJcHtiWQ+dC6V8ljxAHj/PLyzTveyI5QO/xkObCyjIL303l2cf
        UhPu2MFaJdjVzqACXuOrLot/eSFvxjvqVidTtAZExqFRJ9mylUVAoLvhowVWmC1O
        n95fZCXxTUtxNEG1Xcc7m0rtzJKs45J+N/V9DP1edYH6USyPSWGp6wuA+KgHRnKK
        Vf9GRx80JQY7nVNkL17eHoTWEwga+lwi0FEoW9Y7lDtWXYmKBWhUE+U8PGxlJf8f
        40493HDw1WRQ/aSLoS4QTp3rn7gYgeHEvfJdkkf0UMhlknlo53M09EFPdadQ4TlU
        bjqKc50CgYEA4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH/5IB3jw3bcxGn6QLvnE
        tfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw/Py5PJdTJNPY8cQn7ouZ2KKDcmnPG
        BY5t7yLc1QlQ5xHdwW1VhvKn+nXqhJTBgIPgtldC+KDV5z+y2XDwGUcCgYEAuQPE
        fgmVtjL0Uyyx88GZFF1fOunH3+7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYs
        p1ZSe7zFYHj7C6ul7TjeLQeZD/YwD66t62wDmpe/HlB+TnBA+njbglfIsRLtXlnD
        zQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdcCgYAHAp9XcCSrn8wVkMVkKdb7
        DOX4IKjzdahm+ctDAJN4O/y7OW5FKebvUjdAIt2GuoTZ71iTG+7F0F+lP88jtjP4
        U4qe7VHoewl4MKOfXZKTe+YCS1XbNvfgwJ3Ltyl1OH9hWvu2yza7q+d5PCsDzqtm
        27kxuvULVeya+TEdAB1ijQKBgQCH/3r6YrVH/uCWGy6bzV1nGNOdjKc9tmkfOJmN
        54dxdixdpozCQ6U4OxZrsj3FcOhHBsqAHvX2uuYjagqvo3cOj1TRqNocX40omfCC
        Mx3bD1yPPf/6TI2XECva/ggqEY2mYzmIiA5LVVmc5nrybr+lssFKneeyxN2Wq93S
        0iJMdQKBgCGHewxzoa1r8ZMD0LETNrToK423K377UCYqXfg5XMclbrjPbEC3YI1Z
        NqMtuhdBJqUnBi6tjKMF+34Xf0CUN8ncuXGO2CAYvO8PdyCixHX52ybaDjy1FtCE
        6yUXjoKNXKvUm7MWGsAYH6f4IegOetN5NvmUMFStCSkh7ixZLkN1
        -----END RSA PRIVATE KEY-----
        """
    static let rsaCertificate = """
        -----BEGIN CERTIFICATE-----
        MIICqTCCAZGgAwIBAgIBATANBgkqhkiG9w0BAQsFADAYMRYwFAYDVQQDDA1sb2dp
        bi5leGFtcGxlMB4XDTIwMDEwMTAwMDAwMFoXDTIxMDEwMTAwMDAwMFowGDEWMBQG
        A1UEAwwNbG9naW4uZXhhbXBsZTCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoC
        ggEBAKH4Fgri48m0Zc6NLWViYzYrkn2+KeHwJHf8FiXMkKE244vZNJfFtupj3XcR
        5nx0KflWsPuKjwia3EtpiTzBMz9T7dAZuHeEJS/skU/khXdpWUvqQoDTLA9Vv2KU
        TxMDlrxum99uvdK9o2eO7KDGaPcBs42/+zjINCzi/m0n+t5KWkh0l53Uuc+a3sTH
        WwWFLCwPXvilwXUDkvlE6O1kwRDGtkdgmqR4OuucbJrXVTEwUGOLg2Zcb296gqOW
        cCofZBuC0+vyOSIZSR+2hocsVxb1Cvg1jZqLnRfDQHKPf4fYmhjY/KtnrYRZDC7P
        dZM5NjwHA01vYG+eIeBUVsrl6aECAwEAATANBgkqhkiG9w0BAQsFAAOCAQEAAEOi
        Iiqb3rUFin9NmZw9k+b78tChtFrvLmiUdDUcYgasvn3vI5JgimWh7w86LnxDutYy
        8iY/YEZVGGn3wvgHjPEE0PZD1miDU6jlYzdbgNRLj+5u4egkH+6HQvzE2l1VXenw
        ZiNb30v/1JMhqigFcnSpyH3Yfh8VaR3QQDo+t//gU5A3sgvcS0rOhU8lrE/n3aF7
        cJxWln9SNYkjmrKIsjJaO+glD+myX6WpmpZR/+OcOD92VUwXqDy2+dLjIVTfn9y+
        TxavSukxYZLT6YPMF7Arj0c5ZBDli2EsyNL5RfBnmMn8yn/L3XPrGGINV7XvxVdL
        U0e/sQlNYiDJzRNLgA==
        -----END CERTIFICATE-----
        """
    static let p256Private = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff
        H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp
        7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt
        -----END PRIVATE KEY-----
        """
    static let p256Public = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7
        6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==
        -----END PUBLIC KEY-----
        """
    static let p256PrivateSEC1 = """
        -----BEGIN EC PARAMETERS-----
        BggqhkjOPQMBBw==
        -----END EC PARAMETERS-----
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49
        AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b
        focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==
        -----END EC PRIVATE KEY-----
        """
    static let p256Certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBHDCBw6ADAgECAgEBMAoGCCqGSM49BAMCMBgxFjAUBgNVBAMMDWxvZ2luLmV4
        YW1wbGUwHhcNMjAwMTAxMDAwMDAwWhcNMjEwMTAxMDAwMDAwWjAYMRYwFAYDVQQD
        DA1sb2dpbi5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2
        xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkL
        JK2KRiMohYjlrTAKBggqhkjOPQQDAgNIADBFAiEA9U8x0v4AIWw+nQyXNUxTQNnI
        nLVWFA18dOu2EoXCGhsCIHtIykqce9CNTIB+0X3dNqYFcyOvI0Sgbvzba+RTVkc2
        -----END CERTIFICATE-----
        """
    static let encrypted = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBDN/37htzdrAHTchuvq
        PyAAAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQkY0Dto2t1PSjqn/u
        2uucYgSBkAWNuGE3swE0iVh/r9daJAMKhWuW2imiqXU1OKbxez+6rNhwKukoxeM+
        kTGtmYBzXmTJHkEsv3eeEes9KCcIx5SSArRUfrfhg5MctAl+Ef1ZjMgTsRppCeNP
        /jk6+02HuFW6cNVyY/6pJpIKA6z60EUKAh17S0rY8bdk2vG8DH/mqgwRYVSWr9Ju
        A65JtMaMcw==
        -----END ENCRYPTED PRIVATE KEY-----
        """
    static let encryptedOld = """
        -----BEGIN EC PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-256-CBC,0E86F724B61501CD55105901F9BD7791

        64NUKK9auWWNh0vy4hvI+/dPONoWxeRbOqd+NYiQpZnBr5/TcM8Gh/0EyezTqMrE
        qrMks5Ttw7kDf1vkHR4lpeEg/YRLGdJnIoVXjYP0tRNkFw9AO4tvffWpKd/dE/KK
        kVX32soyWd2TERbcg9ElcyZptpi0pYHRFpvqID2umDI=
        -----END EC PRIVATE KEY-----
        """
    static let rsa1024 = """
        -----BEGIN PUBLIC KEY-----
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC14rTSwnCC1006bYXMlHllkJCy
        D35GEaWsl7u5QEX0e087sKoah8kr19nP+cWA84jbMtaG2+3j71Z2PsM0tBm+LdXk
        +OPphb4UVbtGQxuTBDNuXccaOgGRDsS/VCqxUDj3ymUqZOqWTy00yZL816gm0no4
        dHhCEezvu6HV3lLlGwIDAQAB
        -----END PUBLIC KEY-----
        """
    static let p384 = """
        -----BEGIN PUBLIC KEY-----
        MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE7gTWnHlomlgjepJva0NvjEZyD0aOb/Wk
        gvKwQdwfBHOzaBQJ0tKG3I9I6eO/NM00Isoj78KGqtVrwcwnAaMwF0xwJ9sc0Pwe
        4nEVCM4WrW+3Dlsu06DMVmcFaKmv3cJb
        -----END PUBLIC KEY-----
        """
    static let ed25519 = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEAG7xWQiR+cJEf9hGJwmF6MKneJbw7tdxYPQhB5wPsdvs=
        -----END PUBLIC KEY-----
        """
    static let rsaPSS = """
        -----BEGIN PUBLIC KEY-----
        MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBALmXXGLAM29TgWQKUZgGTQ3F
        jLJIYQBF7JBoC0mAH0XdUZEgxEOwXpkJg0XpuRoCXb7r0uNyiVovqOYU57QP6bHc
        OUdFjAGlpHFWBvwxq31dPUeByRqE1mHBGI5q/E9cA35eLmBY8j1QT/+UKXmGIee8
        XijW1lnm3WXXl3/zeCR8iDTDzyNlAZB0oummV+OABsHt6fVWlnCKTDl9yZ1edGlB
        M5T7CR9HwOz+OtUdhjnAtw5QmXg35zXbbu7fx5q5fs7d/fvTgY7kCJ0YkFZc88UV
        7Kzj7vDsSa5pchkXJOVIF8k+ff9Z7rBU631uxQOqqWT41SwVD2iEShWbfVCRkrkC
        AwEAAQ==
        -----END PUBLIC KEY-----
        """
    /// Written out instead of named, P-256 with the public key for its generator: whoever wrote it knows the private key.
    static let otherGenerator = """
        -----BEGIN PUBLIC KEY-----
        MIIBSzCCAQMGByqGSM49AgEwgfcCAQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAA
        AAAAAAAAAAAA////////////////MFsEIP////8AAAABAAAAAAAAAAAAAAAA////
        ///////////8BCBaxjXYqjqT57PrvVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSd
        NgiG5wSTamZ44ROdJreBn36QBEEEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9u
        PHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQIhAP////8AAAAA
        //////////+85vqtpxeehPO5ysL8YyVRAgEBA0IABH/Nzidw9sRdQYPL7m/bS3tY
        BzM1e+nvE7rPbjx70VRFx/FEzRu9m36HLN/tue659LNpXW6pCyStikYjKIWI5a0=
        -----END PUBLIC KEY-----
        """
}

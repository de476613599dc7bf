//! Where a viewer is, by its address, from databases in MaxMind's format (GeoLite2, GeoIP2 and others that use it).

use std::net::IpAddr;

use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;

/// Databases of places and of networks, held in memory.
#[derive(Debug, Default)]
pub struct Geo {
    places: Option<Reader<Vec<u8>>>,
    networks: Option<Reader<Vec<u8>>>,
}

/// What is known about an address. A name that is not known is `None`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Place {
    /// ISO 3166-1, two letters.
    pub country: Option<String>,
    /// In English.
    pub country_name: Option<String>,
    /// ISO 3166-2 without the country: the largest subdivision.
    pub region: Option<String>,
    /// In English.
    pub region_name: Option<String>,
    /// In English.
    pub city: Option<String>,
    /// Degrees.
    pub latitude: Option<f64>,
    /// Degrees.
    pub longitude: Option<f64>,
    /// Of the United States.
    pub metro_code: Option<u16>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Of the tz database, such as `Europe/Berlin`.
    pub time_zone: Option<String>,
    /// Number of the autonomous system.
    pub asn: Option<u32>,
}

impl Geo {
    /// Databases as bytes: of cities (or countries), and of autonomous systems.
    ///
    /// # Errors
    /// Which of them (`city`, `asn`) is no database, and why.
    pub fn new(
        city: Option<Vec<u8>>,
        asn: Option<Vec<u8>>,
    ) -> Result<Self, (&'static str, MaxMindDbError)> {
        let open = |bytes: Option<Vec<u8>>, word| {
            bytes.map(Reader::from_source).transpose().map_err(|error| (word, error))
        };
        Ok(Self { places: open(city, "city")?, networks: open(asn, "asn")? })
    }

    /// What is known about `address`; nothing where a database is damaged there.
    #[must_use]
    pub fn look_up(&self, address: IpAddr) -> Place {
        let city: CityRecord = find(self.places.as_ref(), address).unwrap_or_default();
        let network: AsnRecord = find(self.networks.as_ref(), address).unwrap_or_default();
        let region = city.subdivisions.into_iter().next().unwrap_or_default();
        Place {
            country: city.country.iso_code,
            country_name: city.country.names.en,
            region: region.iso_code,
            region_name: region.names.en,
            city: city.city.names.en,
            latitude: city.location.latitude,
            longitude: city.location.longitude,
            metro_code: city.location.metro_code,
            postal_code: city.postal.code,
            time_zone: city.location.time_zone,
            asn: network.autonomous_system_number,
        }
    }
}

fn find<'a, T: Deserialize<'a>>(
    database: Option<&'a Reader<Vec<u8>>>,
    address: IpAddr,
) -> Option<T> {
    database?.lookup(address).ok()?.decode().ok()?
}

/// The members of a record that are used; those of a country's database are a part of a city's.
#[derive(Deserialize, Default)]
#[serde(default)]
struct CityRecord {
    country: Named,
    subdivisions: Vec<Named>,
    city: Named,
    location: Location,
    postal: Postal,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Named {
    iso_code: Option<String>,
    names: Names,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Names {
    en: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Location {
    latitude: Option<f64>,
    longitude: Option<f64>,
    metro_code: Option<u16>,
    time_zone: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Postal {
    code: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AsnRecord {
    autonomous_system_number: Option<u32>,
}
